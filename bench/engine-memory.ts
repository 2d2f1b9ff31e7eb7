/** Memory of the container engine itself: what containers cost beside what runs in them. */
import { readdirSync, readFileSync } from 'node:fs';

const NAMES = ['dockerd', 'containerd', 'containerd-shim', 'docker-proxy'];

/** PSS in bytes by program, of all such processes of this machine. */
export function engineMemory(): Map<string, { processes: number; pssBytes: number }> {
  const found = new Map<string, { processes: number; pssBytes: number }>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    // the kernel keeps 15 characters of a name
    const name = NAMES.find((one) => read(`/proc/${pid}/comm`)?.trim() === one.slice(0, 15));
    const pss = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
    if (name === undefined || pss === undefined) continue;
    const { processes, pssBytes } = found.get(name) ?? { processes: 0, pssBytes: 0 };
    found.set(name, { processes: processes + 1, pssBytes: pssBytes + Number(pss) * 1024 });
  }
  return found;
}

/** Undefined when the process is gone, or not ours to look at. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
