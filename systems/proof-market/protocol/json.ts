/** JSON without loss: integers beyond 2^53 (field elements) stay what they are. */
import { createHash } from 'node:crypto';

/** V8's raw JSON and source access, which the TypeScript library does not know yet. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => object };
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

/** Only then can a number be in it that a double does not hold. */
const MAY_HAVE_LARGE = /\d{16}|\d[eE]\+?\d{2}/;

/** Integers beyond 2^53 become bigints. @throws SyntaxError, also for a number beyond the range of a double */
export function parseJson(text: string): unknown {
  if (!MAY_HAVE_LARGE.test(text)) return JSON.parse(text);
  return JSON.parse(text, exactNumber as Parameters<typeof JSON.parse>[1]);
}

const exactNumber: Reviver = (_key, value, { source }) => {
  if (typeof value !== 'number' || source === undefined) return value;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  if (!Number.isFinite(value)) throw new SyntaxError(`number ${source.slice(0, 40)} is out of range`);
  return value;
};

/** JSON text; bigints as plain numbers. `indent`: for people. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? rawJSON(String(member)) : member), indent);

/** Names which input this is, whatever the order of members and the spaces were. */
export function hashJson(value: unknown): Buffer {
  return createHash('sha256')
    .update(jsonText(sorted(value)))
    .digest();
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, sorted(member)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const MAX_DEPTH = 200;

/** Whether arrays and objects are nested deeper than anything here needs; recursive readers rely on it. */
export function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((member) => (typeof member === 'object' && member !== null ? Object.values(member) : []));
  }
  return false;
}
