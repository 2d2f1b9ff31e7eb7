/** What the numbers were measured on. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

export function describeMachine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpus().length} cores (${first?.model.trim() ?? 'unknown'}), ${memory}, ${kernel()}, Node ${process.version}`;
}

/** One-minute load before a measurement: what else the machine was doing. */
export const load = (): string => (loadavg()[0] ?? 0).toFixed(2);

const kernel = (): string => `Linux ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}`;

export const seconds = (ms: number): string => (ms / 1000).toFixed(1);

export const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)];
}
