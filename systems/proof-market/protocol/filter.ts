/** `q`, `limit` and `skipped` of the list routes. Names come from a fixed table, values go as parameters: no text of a client is SQL. */
import { badRequest } from './errors.ts';
import { toKey } from './validation.ts';

export type ColumnType = 'key' | 'text' | 'number';
/** Field of a document → SQL expression and how its values compare. */
export type FilterColumns = Readonly<Record<string, readonly [sql: string, type: ColumnType, equals?: Equals]>>;
/** Condition in place of plain equality with the given parameter. */
type Equals = (param: string) => string;

export interface Clause {
  key: string;
  value: string | number | null;
  op: '=' | '>' | '~';
}

const MAX_CLAUSES = 20;

/** `[{"key","value","op"?}]` as text; undefined: no clause. @throws MarketError 400 */
export function readClauses(q: unknown, columns: FilterColumns): Clause[] {
  if (q === undefined || q === '') return [];
  const list = parse(q);
  if (!Array.isArray(list) || list.length > MAX_CLAUSES) {
    throw badRequest(`"q" must be a JSON array of at most ${MAX_CLAUSES} clauses`);
  }
  return list.map((entry) => readClause(entry, columns));
}

function parse(q: unknown): unknown {
  try {
    return JSON.parse(String(q));
  } catch {
    throw badRequest('"q" must be a JSON array of {"key", "value", "op"}');
  }
}

function readClause(entry: unknown, columns: FilterColumns): Clause {
  const { key, value, op = '==' } = (entry ?? {}) as Record<string, unknown>;
  if (typeof key !== 'string' || !Object.hasOwn(columns, key)) {
    throw badRequest(`"q": no field ${JSON.stringify(key)?.slice(0, 80)} to filter by`);
  }
  if (value !== null && typeof value !== 'string' && typeof value !== 'number') {
    throw badRequest(`"q": the value for "${key}" must be a text, a number or null`);
  }
  if (op === '==' || op === '=') return { key, value, op: '=' };
  if (op === '>' || op === '~') return { key, value, op };
  throw badRequest('"q": "op" must be "==", ">" or "~"');
}

/** SQL condition for the clauses, ANDed; adds its parameters to `values`. */
export function clausesSql(clauses: readonly Clause[], columns: FilterColumns, values: unknown[]): string {
  return clauses.map((clause) => clauseSql(clause, columns, values)).join(' AND ') || 'TRUE';
}

function clauseSql({ key, value, op }: Clause, columns: FilterColumns, values: unknown[]): string {
  const [sql, type, equals] = columns[key]!;
  const param = toParameter(value, type);
  // a value that this field never has equals none, and differs from every one
  if (param === undefined) return op === '~' ? 'TRUE' : 'FALSE';
  if (param === null) return { '=': `${sql} IS NULL`, '~': `${sql} IS NOT NULL`, '>': 'FALSE' }[op];
  values.push(param);
  const cast = { key: 'bigint', text: 'text', number: 'float8' }[type];
  if (op === '=' && equals) return equals(`$${values.length}::${cast}`);
  const operator = { '=': '=', '>': '>', '~': 'IS DISTINCT FROM' }[op];
  return `${sql} ${operator} $${values.length}::${cast}`;
}

function toParameter(value: Clause['value'], type: ColumnType): string | null | undefined {
  if (value === null) return null;
  if (type === 'key') return toKey(value);
  if (type === 'text') return String(value).includes('\0') ? undefined : String(value);
  const number = value === '' ? Number.NaN : Number(value);
  return Number.isFinite(number) ? String(number) : undefined;
}

export interface Page {
  limit: number;
  skipped: number;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const MAX_SKIPPED = 1_000_000_000;

/** `limit` (default 100, at most 1000) and `skipped`. @throws MarketError 400 */
export function readPage(query: Readonly<Record<string, unknown>>): Page {
  const limit = wholeNumber(query, 'limit', DEFAULT_LIMIT);
  return { limit: Math.min(limit, MAX_LIMIT), skipped: wholeNumber(query, 'skipped', 0) };
}

function wholeNumber(query: Readonly<Record<string, unknown>>, name: string, otherwise: number): number {
  const value = query[name];
  if (value === undefined || value === '') return otherwise;
  if (typeof value !== 'string' || !/^\d{1,10}$/.test(value) || Number(value) > MAX_SKIPPED) {
    throw badRequest(`"${name}" must be a whole number`);
  }
  return Number(value);
}
