/** Orders as jobs: what there is of each kind, and what happened to which. */
import type { Db } from '../../../lib/postgres.ts';
import type { OrderStatus, Side } from './types.ts';

/** Orders of one side and statement, by status. */
export interface OrderCounts {
  side: Side;
  statementKey: string;
  statementName: string;
  counts: Readonly<Record<OrderStatus, number>>;
}

/** One query over all orders. */
export async function countOrders(db: Db): Promise<OrderCounts[]> {
  const { rows } = await db.query<{ side: Side; key: string; name: string } & Record<OrderStatus, number>>(
    `SELECT o.side, o.statement_key AS key, s.name,
       (count(*) FILTER (WHERE status = 'created'))::int AS created,
       (count(*) FILTER (WHERE status = 'processing'))::int AS processing,
       (count(*) FILTER (WHERE status = 'completed'))::int AS completed,
       (count(*) FILTER (WHERE status = 'withdrawn'))::int AS withdrawn
     FROM orders o JOIN statements s ON s.key = o.statement_key
     GROUP BY o.side, o.statement_key, s.name ORDER BY o.statement_key, o.side DESC`,
  );
  return rows.map(({ side, key, name, created, processing, completed, withdrawn }) => ({
    side,
    statementKey: key,
    statementName: name,
    counts: { created, processing, completed, withdrawn },
  }));
}

/** What became of an order; times are milliseconds since the epoch. */
export interface OrderJob {
  key: string;
  side: Side;
  sender: string;
  statementKey: string;
  cost: number;
  status: OrderStatus;
  /** Key of the order it is, or was last, matched with. */
  counterpart: string | null;
  /** Who sent that one. */
  counterpartSender: string | null;
  /** Of a matched bid: until then the proof may come. */
  dueOn: number | null;
  /** A proof is here and is being verified. */
  verifying: boolean;
  proofKey: string | null;
  /** Minutes. */
  generationTime: number | null;
  updatedOn: number;
}

const SELECT = `
  SELECT o.key, o.side, o.sender, o.statement_key, o.cost, o.status, o.counterpart_key, c.sender AS counterpart_sender, o.due_on,
    coalesce(o.verifying_until, 0) > $1 AND o.status = 'processing' AS verifying, o.proof_key, o.generation_time, o.updated_on
  FROM orders o LEFT JOIN orders c ON c.key = o.counterpart_key`;

interface Row {
  key: string;
  side: Side;
  sender: string;
  statement_key: string;
  cost: number;
  status: OrderStatus;
  counterpart_key: string | null;
  counterpart_sender: string | null;
  due_on: string | null;
  verifying: boolean;
  proof_key: string | null;
  generation_time: number | null;
  updated_on: string;
}

const toJob = (row: Row): OrderJob => ({
  key: row.key,
  side: row.side,
  sender: row.sender,
  statementKey: row.statement_key,
  cost: row.cost,
  status: row.status,
  counterpart: row.counterpart_key,
  counterpartSender: row.counterpart_sender,
  dueOn: row.due_on === null ? null : Number(row.due_on),
  verifying: row.verifying,
  proofKey: row.proof_key,
  generationTime: row.generation_time,
  updatedOn: Number(row.updated_on),
});

/** An order and the one it is matched with, the order first; empty when there is none of that key. */
export async function orderAndCounterpart(db: Db, key: string, now: number): Promise<OrderJob[]> {
  const { rows } = await db.query<Row>(
    `${SELECT} WHERE o.key = $2 OR o.key = (SELECT counterpart_key FROM orders WHERE key = $2) ORDER BY o.key <> $2`,
    [now, key],
  );
  return rows.map(toJob);
}

/** The newest orders that are open or matched, oldest first. */
export async function openOrders(db: Db, { now, limit }: { now: number; limit: number }): Promise<OrderJob[]> {
  const { rows } = await db.query<Row>(
    `${SELECT} WHERE o.status IN ('created', 'processing') ORDER BY o.key DESC LIMIT $2`,
    [now, limit],
  );
  return rows.map(toJob).reverse();
}

/** Orders that changed after `since`, in the order of their changes. */
export async function changedOrders(
  db: Db,
  { since, now, limit }: { since: number; now: number; limit: number },
): Promise<OrderJob[]> {
  const { rows } = await db.query<Row>(`${SELECT} WHERE o.updated_on > $2 ORDER BY o.updated_on, o.key LIMIT $3`, [
    now,
    since,
    limit,
  ]);
  return rows.map(toJob);
}
