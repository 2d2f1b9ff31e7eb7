/** `devkit up`: start what is missing of a devnet; a system that can make its devnets by itself makes it first. */
import type { ServiceContext } from './context.ts';
import { openSystemDevnet } from './system-devnet.ts';

export interface UpInput {
  chain?: string | undefined;
  /** Only say what would be started. */
  plan: boolean;
}

export interface UpResult {
  devnet: string;
  system: string;
  components: { id: string; state: 'running' | 'started' | 'to start'; ports: Record<string, number> }[];
}

export async function up(ctx: ServiceContext, input: UpInput): Promise<UpResult> {
  const devnet = await openSystemDevnet(ctx, { chain: input.chain, create: true });
  const running = new Set((await devnet.runtime.list()).filter(({ state }) => state === 'running').map(({ id }) => id));
  if (!input.plan) await devnet.start();
  return {
    devnet: ctx.paths.name,
    system: devnet.state.system,
    components: devnet.specs.map(({ id, ports }) => ({
      id,
      state: running.has(id) ? 'running' : input.plan ? 'to start' : 'started',
      ports: Object.fromEntries(ports.map(({ name, port }) => [name, port])),
    })),
  };
}
