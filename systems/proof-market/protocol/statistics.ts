/** Order books and numbers about trades. Costs are tokens, times minutes. */
import type { Db } from '../../../lib/postgres.ts';
import { badRequest } from './errors.ts';

const DAY_MS = 86_400_000;
const numberOrNull = (value: string | null): number | null => (value === null ? null : Number(value));

/** Prices of the last 24 hours by statement; null where there was no trade. `daily_change` is in percent. */
export async function statementInfo(db: Db, caller: string | undefined, now: number): Promise<object[]> {
  const { rows } = await db.query<Record<string, string | null> & { key: string }>(
    `SELECT s.key, l.price AS current, d.* FROM statements s
     LEFT JOIN LATERAL (SELECT price FROM trades WHERE statement_key = s.key AND ask_key IS NOT NULL ORDER BY id DESC LIMIT 1) l
       ON TRUE
     LEFT JOIN LATERAL (
       SELECT (array_agg(price ORDER BY id))[1] AS open, (array_agg(price ORDER BY id DESC))[1] AS close,
         sum(price) AS volume, min(price) AS min, max(price) AS max
       FROM trades WHERE statement_key = s.key AND ask_key IS NOT NULL AND created_on > $1) d ON TRUE
     WHERE NOT s.is_private OR s.sender = $2 ORDER BY s.key`,
    [now - DAY_MS, caller ?? ''],
  );
  return rows.map((row) => {
    const open = numberOrNull(row['open'] ?? null);
    const close = numberOrNull(row['close'] ?? null);
    return {
      _key: row.key,
      current: numberOrNull(row['current'] ?? null),
      open,
      close,
      daily_change: open === null || close === null ? null : (100 * (close - open)) / open,
      volume: Number(row['volume'] ?? 0),
      min: numberOrNull(row['min'] ?? null),
      max: numberOrNull(row['max'] ?? null),
    };
  });
}

/** Averages over all proofs made for requests; `completed` counts the requests, known proofs included. */
export async function statementStatistics(db: Db, caller: string | undefined): Promise<object[]> {
  const { rows } = await db.query<{ key: string; cost: string | null; time: number | null; completed: number }>(
    `SELECT s.key, avg(t.price) FILTER (WHERE t.ask_key IS NOT NULL) AS cost,
       avg(t.generation_time) FILTER (WHERE t.ask_key IS NOT NULL) AS time, count(t.id)::int AS completed
     FROM statements s LEFT JOIN trades t ON t.statement_key = s.key
     WHERE NOT s.is_private OR s.sender = $1 GROUP BY s.key ORDER BY s.key`,
    [caller ?? ''],
  );
  return rows.map(({ key, cost, time, completed }) => ({
    _key: key,
    avg_cost: numberOrNull(cost),
    avg_eval_time: time,
    completed,
  }));
}

/** The caller as requester, as producer, as publisher: which trades are its own, and what it paid or earned. */
const ROLES = {
  requested: ['t.requester = $1', 't.price'],
  proposed: ['t.producer = $1 AND t.ask_key IS NOT NULL', 't.reward'],
  owner: ['s.sender = $1', 't.developer_fee'],
} as const;

export type Role = keyof typeof ROLES;

/** Completed trades of the caller by statement. */
export async function statementsOf(db: Db, caller: string, role: Role): Promise<object[]> {
  const [mine, fee] = ROLES[role];
  const join = role === 'owner' ? 'LEFT JOIN' : 'JOIN';
  const { rows } = await db.query<Record<string, string | null> & { key: string; amount: number; time: number | null }>(
    `SELECT s.key, s.name, count(t.id)::int AS amount, coalesce(sum(${fee}), 0) AS fees, avg(t.generation_time) AS time,
       avg(t.price) AS cost
     FROM statements s ${join} trades t ON t.statement_key = s.key WHERE ${mine} GROUP BY s.key ORDER BY s.key`,
    [caller],
  );
  return rows.map((row) => ({
    _key: row.key,
    name: row['name'],
    amount: row.amount,
    fees: Number(row['fees']),
    avg_generation_time: row.time,
    avg_cost: numberOrNull(row['cost'] ?? null),
  }));
}

const TOP = 10;

/** The ten best open prices of both sides for every public statement. */
export async function topOfBooks(db: Db): Promise<object[]> {
  const best = (side: string, order: string): string =>
    `ARRAY(SELECT o.cost FROM orders o WHERE o.side = '${side}' AND o.status = 'created' AND o.statement_key = s.key
       AND o.statement_subkey = '' ORDER BY o.cost ${order} LIMIT ${TOP})`;
  const { rows } = await db.query<{ key: string; name: string; bids: number[]; asks: number[] }>(
    `SELECT s.key, s.name, ${best('bid', 'DESC')} AS bids, ${best('ask', '')} AS asks
     FROM statements s WHERE NOT s.is_private ORDER BY s.key`,
  );
  const costs = (list: number[]): { cost: number }[] => list.map((cost) => ({ cost }));
  return rows.map(({ key, name, bids, asks }) => ({
    name,
    statement_key: key,
    requests: costs(bids),
    proposals: costs(asks),
  }));
}

export interface BookLevel {
  ordersAmount: number;
  /** Of them, the caller's. */
  userOrdersAmount: number;
  cost: number;
  eval_time: number | null;
}

/** Open orders of a statement, best first, put together by price and time; with steps, each is rounded down to a multiple of its step. */
export async function orderBook(
  db: Db,
  statementKey: string,
  caller: string | undefined,
  steps: { cost: number | undefined; evalTime: number | undefined },
): Promise<{ proposals: BookLevel[]; requests: BookLevel[] }> {
  const side = async (name: 'bid' | 'ask', order: string): Promise<BookLevel[]> => {
    const { rows } = await db.query<{ n: number; mine: number; cost: string; eval_time: string | null }>(
      `SELECT count(*)::int AS n, (count(*) FILTER (WHERE sender = $2))::int AS mine,
         ${floored('cost', '$3')} AS cost, ${floored('eval_time', '$4')} AS eval_time
       FROM orders WHERE side = '${name}' AND status = 'created' AND statement_key = $1
       GROUP BY 3, 4 ORDER BY 3 ${order}, 4 NULLS LAST`,
      [statementKey, caller ?? '', steps.cost ?? null, steps.evalTime ?? null],
    );
    return rows.map((row) => ({
      ordersAmount: row.n,
      userOrdersAmount: row.mine,
      cost: Number(row.cost),
      eval_time: numberOrNull(row.eval_time),
    }));
  };
  return { proposals: await side('ask', 'ASC'), requests: await side('bid', 'DESC') };
}

/** In decimals: 0.3 in steps of 0.1 is 0.3. */
const floored = (column: string, step: string): string =>
  `CASE WHEN ${step}::text IS NULL THEN ${column}::text::numeric
     ELSE floor(${column}::text::numeric / ${step}::text::numeric) * ${step}::text::numeric END`;

/** A price or time step of a query: a number above 0. @throws MarketError 400 */
export function readStep(value: unknown, name: string): number | undefined {
  if (value === undefined || value === '') return undefined;
  const step = Number(value);
  if (!(step >= 1e-9 && step <= 1e12)) throw badRequest(`"${name}" must be a number above 0`);
  return step;
}
