/**
 * Public inputs as requesters write them. Three forms are in use: `"1\n11"` (decimal numbers, one a line), the same as a member `input`
 * (`{"input":"1\n11"}`), and typed values (`[{"field":5},{"field":11}]`, with `{"array":[…]}` around several). Integers beyond 2^53 may
 * be bigints, as `parseJson` gives them. Also taken: commas for the line ends (the relayer joins a chain's numbers so), any form as JSON
 * text, and a whole bid or request around it (one age of `public_input_get.py` writes that).
 */
import { parseJson } from '../json.ts';

/** The input cannot be read, or does not fit the statement. */
export class PublicInputError extends Error {
  constructor(message: string) {
    super(`public input: ${message}`);
    this.name = 'PublicInputError';
  }
}

/** More numbers than any circuit here takes; ends the reading of a hostile input early. */
const MAX_VALUES = 10_000;
/** Decimal digits of 2^256; longer text is not a field element, and slow to convert. */
const MAX_DIGITS = 78;
const MAX_DEPTH = 8;
const FORMS = '"1\\n11", {"input":"1\\n11"} or [{"field":"1"},{"field":"11"}]';

/** The numbers of an input of any form, in order. No range is checked. @throws PublicInputError */
export function parsePublicInput(input: unknown): bigint[] {
  const values: bigint[] = [];
  collect(unwrap(input), values, 0);
  return values;
}

/** The same numbers, the same text: for finding an earlier proof of a statement. @throws PublicInputError */
export const canonicalPublicInput = (input: unknown): string => parsePublicInput(input).join('\n');

/** The form of the first generators: `{"input":"1\n11"}`. */
export const toLineForm = (values: readonly bigint[]): { input: string } => ({ input: values.join('\n') });

/** The typed form; numbers as text, since JSON readers round those beyond 2^53. */
export const toTypedForm = (values: readonly bigint[]): { field: string }[] =>
  values.map((value) => ({ field: String(value) }));

/** `input` members around the input; scripts of some ages add one. */
function unwrap(input: unknown): unknown {
  let inner = input;
  for (let depth = 0; depth < MAX_DEPTH && isObject(inner) && 'input' in inner; depth++) {
    if (Object.keys(inner).length > 1 && !isOrder(inner)) break;
    inner = inner['input'];
  }
  return inner;
}

const isOrder = ({ _id }: Record<string, unknown>): boolean => typeof _id === 'string' && /^(bid|request)\//.test(_id);

function collect(value: unknown, values: bigint[], depth: number): void {
  if (depth > MAX_DEPTH) throw new PublicInputError(`nested more than ${MAX_DEPTH} deep`);
  if (values.length > MAX_VALUES) throw new PublicInputError(`more than ${MAX_VALUES} numbers`);
  if (typeof value === 'string') collectText(value, values, depth);
  else if (typeof value === 'number' || typeof value === 'bigint') values.push(ofNumber(value));
  else if (Array.isArray(value)) for (const entry of value) collect(entry, values, depth + 1);
  else if (isObject(value)) collectTyped(value, values, depth);
  else throw new PublicInputError(`expected ${FORMS}`);
}

function collectTyped(value: Record<string, unknown>, values: bigint[], depth: number): void {
  const keys = Object.keys(value);
  const [key] = keys;
  if (keys.length !== 1 || (key !== 'field' && key !== 'array')) {
    throw new PublicInputError(`expected {"field": …} or {"array": […]}, found ${shorten(JSON.stringify(keys))}`);
  }
  const inner = value[key];
  if (key === 'array') {
    if (!Array.isArray(inner)) throw new PublicInputError('the member "array" is not a list');
    collect(inner, values, depth + 1);
  } else if (typeof inner === 'string') values.push(ofText(inner.trim()));
  else if (typeof inner === 'number' || typeof inner === 'bigint') values.push(ofNumber(inner));
  else throw new PublicInputError('the member "field" is neither a number nor text');
}

function collectText(text: string, values: bigint[], depth: number): void {
  if (text.length > MAX_VALUES * MAX_DIGITS) throw new PublicInputError(`${text.length} characters are too many`);
  if (/^\s*[[{]/.test(text)) collect(unwrap(ofJson(text)), values, depth + 1);
  else for (const word of text.split(/[\s,]+/)) if (word !== '') values.push(ofText(word));
}

function ofJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new PublicInputError(`"${shorten(text)}" is text that begins like JSON, and is none`);
  }
}

function ofText(text: string): bigint {
  const decimal = /^\d+$/.test(text) && text.length <= MAX_DIGITS;
  if (!decimal && !/^0x[0-9a-f]{1,64}$/i.test(text)) {
    throw new PublicInputError(
      `"${shorten(text)}" is not a number of at most 256 bits (decimal, or hexadecimal with 0x)`,
    );
  }
  return BigInt(text);
}

function ofNumber(value: number | bigint): bigint {
  if (typeof value === 'bigint') return ofText(String(value));
  if (Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (Number.isInteger(value) && value > 0) {
    throw new PublicInputError(`${value} is too large for a JSON number: write it as text, {"field":"…"}`);
  }
  throw new PublicInputError(`${value} is not a whole number from 0`);
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
