import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** A process as /proc shows it. */
export interface ProcessInfo {
  pid: number;
  /** Program name as the kernel keeps it, 15 characters at most. */
  name: string;
  state: string;
  ppid: number;
  /** Start time in clock ticks since boot: with the pid it names a process for good. */
  startTicks: number;
}

/** Undefined when there is no such process, or only its zombie (nobody may ever reap it in a container). */
export function readProcess(pid: number): ProcessInfo | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // gone
  }
  const close = stat.lastIndexOf(')');
  const fields = stat.slice(close + 2).split(' ');
  const state = fields[0] ?? '';
  if (state === 'Z' || state === 'X') return undefined;
  return {
    pid,
    name: stat.slice(stat.indexOf('(') + 1, close),
    state,
    ppid: Number(fields[1]),
    startTicks: Number(fields[19]),
  };
}

/** Whether the very process that had this pid and start time still runs. */
export const isAlive = (pid: number, startTicks: number): boolean => readProcess(pid)?.startTicks === startTicks;

/** Sends a signal unless the pid belongs to another process by now. False when it did not run any more. */
export function signalProcess(pid: number, startTicks: number, signal: NodeJS.Signals): boolean {
  if (!isAlive(pid, startTicks)) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

export function listPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Processes that carry all these variables with these values, and the `present` ones; others' are seen only by root. */
export function findByEnvironment(
  variables: Readonly<Record<string, string>>,
  present: readonly string[] = [],
): ProcessInfo[] {
  const wanted = Object.entries(variables).map(([key, value]) => `\0${key}=${value}\0`);
  wanted.push(...present.map((key) => `\0${key}=`));
  return listPids().flatMap((pid) => {
    if (pid === process.pid) return [];
    let environment: string;
    try {
      environment = `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}\0`;
    } catch {
      return []; // gone, or not ours to read
    }
    const info = wanted.every((entry) => environment.includes(entry)) ? readProcess(pid) : undefined;
    return info ? [info] : [];
  });
}

/** Processes of a program (by file name) that work in this folder. */
export function findByFolder(dir: string, program: string): ProcessInfo[] {
  return listPids().flatMap((pid) => {
    if (linkOf(pid, 'cwd') !== dir || basename(linkOf(pid, 'exe') ?? '') !== program) return [];
    return readProcess(pid) ?? [];
  });
}

/** Names the running kernel: pids and start times recorded under another one mean nothing. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The process and everything it started that still runs. */
export function processTree(root: number): ProcessInfo[] {
  const all = listPids().flatMap((pid) => readProcess(pid) ?? []);
  const found = all.filter((info) => info.pid === root);
  for (let i = 0; i < found.length; i++) found.push(...all.filter((info) => info.ppid === found[i]?.pid));
  return found;
}

export interface Usage {
  /** Resident memory; pages shared between processes count in each. */
  rssBytes: number;
  /** Proportional memory: shared pages are divided. Undefined where the kernel does not tell us. */
  pssBytes: number | undefined;
  /** CPU time so far, user and system, of processes that still run and of children they waited for. */
  cpuMs: number;
  processes: number;
}

/** Sums over the process and its children. */
export function usageOf(root: number): Usage {
  const usage: Usage = { rssBytes: 0, pssBytes: 0, cpuMs: 0, processes: 0 };
  for (const { pid } of processTree(root)) {
    const rss = kilobytes(`/proc/${pid}/status`, 'VmRSS');
    const pss = kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss');
    usage.rssBytes += rss ?? 0;
    usage.pssBytes = usage.pssBytes === undefined || pss === undefined ? undefined : usage.pssBytes + pss;
    usage.cpuMs += cpuMs(pid);
    usage.processes++;
  }
  return usage;
}

function kilobytes(file: string, key: string): number | undefined {
  try {
    const match = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'latin1'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined; // gone, or not ours to read
  }
}

/** Linux reports times in ticks of 10 ms on every architecture we run on (USER_HZ = 100). */
const TICK_MS = 10;

function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) * TICK_MS;
  } catch {
    return 0; // gone
  }
}

export function linkOf(pid: number, name: 'cwd' | 'exe'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return undefined; // gone, or not ours to look into
  }
}
