import { formatDuration } from '../../lib/units.ts';

/** Log lines of our components are JSON; people get time, level, text and the rest as `key=value`. */
const HIDDEN = new Set(['ms', 'level', 'time', 'msg', 'name', 'pid', 'pod', 'hostname', 'v', 'err']);
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** Lines that are not JSON of ours stay as they are. */
export function readableLogLine(line: string): string {
  const entry = line.startsWith('{') ? parse(line) : undefined;
  if (entry?.['msg'] === undefined) return line;
  const level = LEVELS[Number(entry['level'])] ?? String(entry['level'] ?? 'info');
  const time = new Date(entry['time'] as string | number);
  const clock = Number.isNaN(time.getTime()) ? '' : `${time.toISOString().slice(11, 23)} `;
  const rest = Object.entries(entry)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== null)
    .map(([key, value]) => ` ${key}=${valueText(value)}`);
  const took = typeof entry['ms'] === 'number' ? ` (${formatDuration(entry['ms'])})` : '';
  return `${clock}${level.toUpperCase().padEnd(5)} ${String(entry['msg'])}${rest.join('')}${took}${errorText(entry)}`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  const isFlat = Array.isArray(value) && value.every((item) => typeof item !== 'object');
  return isFlat ? value.join(',') : JSON.stringify(value);
}

/** The error's own text, unless the message says it already. */
function errorText({ err, msg }: Record<string, unknown>): string {
  const message = (err as { message?: unknown } | undefined)?.message;
  const text = String(message).split('\n')[0] ?? '';
  return message === undefined || text.startsWith(String(msg)) ? '' : `: ${text}`;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // a line that only looks like JSON
  }
}
