import type { Db, Pool } from '../../../lib/postgres.ts';
import { type StatementRow, statementDocument } from './documents.ts';
import { documentNotFound } from './errors.ts';
import type { Page } from './filter.ts';
import { jsonText, parseJson } from './json.ts';
import type { NewStatement } from './validation.ts';
import type { StatementCircuit } from './verifier.ts';

/** Publishes a statement; `key` only for the known ones. Answers undefined when that key is there already. */
export async function insertStatement(
  db: Db,
  sender: string,
  statement: NewStatement,
  options: { now: number; key?: string },
): Promise<StatementRow | undefined> {
  const { rows } = await db.query<StatementRow>(
    `INSERT INTO statements (key, name, description, url, input_description, type, is_private, definition, tag, childs,
       sender, created_on, updated_on)
     VALUES (coalesce($1, nextval('market_keys')), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
     ON CONFLICT (key) DO NOTHING RETURNING *`,
    [
      options.key ?? null,
      statement.name,
      statement.description,
      statement.url,
      statement.inputDescription,
      statement.type,
      statement.isPrivate,
      jsonText(statement.definition),
      statement.tag,
      jsonText(statement.childs),
      sender,
      options.now,
    ],
  );
  return rows[0];
}

/** A statement, private ones included: whoever has its key may read it. @throws MarketError 404 */
export async function findStatement(db: Db, key: string): Promise<StatementRow> {
  const { rows } = await db.query<StatementRow>('SELECT * FROM statements WHERE key = $1', [key]);
  if (rows[0] === undefined) throw documentNotFound(`statement ${key}`);
  return rows[0];
}

/** Public statements and the caller's own, oldest first. */
export async function listStatements(db: Db, caller: string | undefined, page: Page): Promise<StatementRow[]> {
  const { rows } = await db.query<StatementRow>(
    `SELECT * FROM statements WHERE NOT is_private OR sender = $1 ORDER BY created_on, key LIMIT $2 OFFSET $3`,
    [caller ?? '', page.limit, page.skipped],
  );
  return rows;
}

export const statementToDocument = (row: StatementRow): Record<string, unknown> =>
  statementDocument(row, parseJson(row.definition));

/** What placing an order and verifying a proof need of a statement. */
export interface KnownStatement {
  circuit: StatementCircuit;
  /** Who published it. */
  sender: string;
}

/** @throws MarketError 404 */
export type FindStatement = (key: string) => Promise<KnownStatement>;

const KEPT = 32;

/** Statements never change, and a definition may be megabytes: the latest ones are kept. */
export function keepStatements(pool: Pool): FindStatement {
  const kept = new Map<string, KnownStatement>();
  return async (key) => {
    const known = kept.get(key);
    if (known) return known;
    const { name, type, definition, sender } = await findStatement(pool, key);
    const statement = { circuit: { key, name, type, definition: parseJson(definition) }, sender };
    if (kept.size >= KEPT) kept.delete([...kept.keys()][0]!);
    kept.set(key, statement);
    return statement;
  };
}
