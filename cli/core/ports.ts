import { DevkitError } from './errors.ts';

export const PORT_BLOCK_STEP = 100;
const LAST_PORT = 65_535;

export interface PortRequest {
  /** Name to default port; they move as one block. */
  defaults: Readonly<Record<string, number>>;
  /** Ports the user named: taken as they are or refused. */
  explicit?: Readonly<Record<string, number>>;
  /** Who holds a port of this machine, in words (`postgres (pid 12)`, `devnet 'b'`); undefined when it is free. */
  holderOf(port: number): string | undefined;
}

export interface PortAllocation {
  ports: Record<string, number>;
  /** By how much the defaults were moved; 0 when all were free. */
  shift: number;
  /** One line for the user when they were moved. */
  notice?: string;
}

/**
 * Gives every name a port: the defaults as they are, or all of them moved up by the same multiple of 100.
 * @throws DevkitError PORT_TAKEN for an explicit port in use, or when no block is free; USAGE for two names with one port.
 */
export function allocatePorts(request: PortRequest): PortAllocation {
  const explicit = { ...request.explicit };
  refuseBadExplicit(explicit, request);
  const moving = Object.entries(request.defaults).filter(([name]) => explicit[name] === undefined);
  const fixed = new Map(Object.entries(explicit).map(([name, port]) => [port, `'${name}' of this devnet`]));
  const holder = (port: number): string | undefined => fixed.get(port) ?? request.holderOf(port);

  let first: string | undefined;
  const highest = Math.max(0, ...moving.map(([, port]) => port));
  for (let shift = 0; highest + shift <= LAST_PORT; shift += PORT_BLOCK_STEP) {
    const taken = moving.find(([, port]) => holder(port + shift) !== undefined);
    if (!taken) {
      const ports = { ...explicit, ...Object.fromEntries(moving.map(([name, port]) => [name, port + shift])) };
      if (shift === 0) return { ports, shift };
      return { ports, shift, notice: `${first}: all default ports are moved up by ${shift}` };
    }
    first ??= `port ${taken[1]} (${taken[0]}) is in use by ${holder(taken[1])}`;
  }
  throw new DevkitError('PORT_TAKEN', `no free block of ports: ${first}, and so on up to ${LAST_PORT}`, {
    hint: 'stop what is not needed any more: devkit down --all',
  });
}

function refuseBadExplicit(explicit: Record<string, number>, request: PortRequest): void {
  const seen = new Map<number, string>();
  for (const [name, port] of Object.entries(explicit)) {
    if (!Number.isInteger(port) || port < 1 || port > LAST_PORT) {
      throw new DevkitError('USAGE', `${name}: ${port} is not a port (1 to ${LAST_PORT})`);
    }
    const other = seen.get(port);
    if (other !== undefined) throw new DevkitError('USAGE', `port ${port} is asked for twice: ${other} and ${name}`);
    seen.set(port, name);
    const holder = request.holderOf(port);
    if (holder !== undefined) throw portTaken(port, name, holder);
  }
}

/** The error for a port that has to be free and is not. `stop` is how its holder is stopped. */
export function portTaken(port: number, name: string, holder: string, stop = 'stop that program'): DevkitError {
  return new DevkitError('PORT_TAKEN', `port ${port} (${name}) is in use by ${holder}`, {
    hint: `${stop}, or choose another port for ${name}`,
    details: { port, name, holder },
  });
}
