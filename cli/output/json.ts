/** `--json`: one document on stdout, or NDJSON where results stream. */

/** Of every document; raised when a field changes its meaning or goes away. */
export const SCHEMA_VERSION = 1;

export function jsonDocument(data: unknown): string {
  return `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...asObject(data) }, replaceBigints, 2)}\n`;
}

export function jsonLine(data: unknown): string {
  return `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...asObject(data) }, replaceBigints)}\n`;
}

const asObject = (data: unknown): object => (typeof data === 'object' && data !== null ? data : { value: data });

/** Decimal text: JSON numbers lose digits. */
const replaceBigints = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;
