/** Orders: placed, read, withdrawn. */
import type { Db, Pool } from '../../../lib/postgres.ts';
import { amountText, toAmount } from './amounts.ts';
import { inTransaction } from './db.ts';
import { type OrderCollection, orderDocument, sideOf } from './documents.ts';
import { documentNotFound, forbidden, wrongState } from './errors.ts';
import { clausesSql, type FilterColumns, type Page, readClauses } from './filter.ts';
import { hashJson, jsonText, parseJson } from './json.ts';
import { type Accounts, available, blocked, lockAccounts } from './ledger.ts';
import { lockBook, matchOrder } from './matching.ts';
import { findKnownProof, resaleOwners, sellKnownProof } from './resale.ts';
import { depositOf } from './settlement.ts';
import type { MarketTerms, OrderRow, Side } from './types.ts';
import type { NewOrder } from './validation.ts';

/** An order with its public input as JSON text; null for an ask. */
export type OrderWithInput = OrderRow & { input: string | null };

/**
 * Stores an order, blocks its tokens and matches it, all or nothing. A bid whose statement and input are proven already is completed at once,
 * and comes back so; any other order comes back as it was stored, `created`, also when it is matched by then: clients read it again.
 * `canonicalInput`: what is the same for inputs with the same meaning.
 * @throws MarketError 400 when the sender has not enough tokens
 */
export async function placeOrder(
  pool: Pool,
  sender: string,
  side: Side,
  request: NewOrder,
  { canonicalInput, terms, now }: { canonicalInput: unknown; terms: MarketTerms; now: number },
): Promise<OrderWithInput> {
  const inputHash = side === 'bid' ? hashJson(canonicalInput) : null;
  const { statementKey, statementSubkey } = request;
  const known = inputHash && (await findKnownProof(pool, statementKey, statementSubkey, inputHash));
  const holds = side === 'bid' ? toAmount(request.cost) : depositOf(toAmount(request.cost), terms);
  const stored = await inTransaction(pool, async (db) => {
    const accounts = await lockAccounts(db, [sender, ...(known ? resaleOwners(known) : [])]);
    const order = await insertOrder(db, { sender, side, request, inputHash, holds, now });
    const transfer = { from: available(sender), to: blocked(sender), amount: holds, reason: 'block' } as const;
    await accounts.post([{ ...transfer, orderKey: order.key }], now);
    if (known) {
      await sellKnownProof(db, accounts, order, known, { terms, now });
    } else {
      await lockBook(db, order);
      await matchOrder(db, order, terms, now);
    }
    return order;
  });
  if (known) return findOrder(pool, side, stored.key);
  return { ...stored, input: side === 'bid' ? jsonText(request.input) : null };
}

interface Insertion {
  sender: string;
  side: Side;
  request: NewOrder;
  inputHash: Buffer | null;
  holds: bigint;
  now: number;
}

async function insertOrder(db: Db, { sender, side, request, inputHash, holds, now }: Insertion): Promise<OrderRow> {
  const { rows } = await db.query<OrderRow>(
    `WITH placed AS (
       INSERT INTO orders (side, sender, statement_key, statement_subkey, cost, eval_time, wait_period, eth_id, status,
         blocked, input_hash, expires_on, created_on, updated_on)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'created', $9, $10, $11::bigint + ceil($7::float8 * 60000)::bigint, $11, $11)
       RETURNING *),
     input AS (INSERT INTO public_inputs (order_key, body) SELECT key, $12 FROM placed WHERE side = 'bid')
     SELECT * FROM placed`,
    [
      side,
      sender,
      request.statementKey,
      request.statementSubkey,
      request.cost,
      request.evalTime,
      request.waitPeriod,
      request.ethId === null ? null : JSON.stringify(request.ethId),
      amountText(holds),
      inputHash,
      now,
      jsonText(request.input),
    ],
  );
  return rows[0]!;
}

const SELECT = `SELECT o.*, i.body AS input FROM orders o LEFT JOIN public_inputs i ON i.order_key = o.key`;

/** @throws MarketError 404 */
export async function findOrder(db: Db, collection: OrderCollection, key: string): Promise<OrderWithInput> {
  const { rows } = await db.query<OrderWithInput>(`${SELECT} WHERE o.key = $1 AND o.side = $2`, [
    key,
    sideOf(collection),
  ]);
  if (rows[0] === undefined) throw documentNotFound(`${collection} ${key}`);
  return rows[0];
}

const COMMON: FilterColumns = {
  _key: ['o.key', 'key'],
  sender: ['o.sender', 'text'],
  status: ['o.status', 'text'],
  statement_key: ['o.statement_key', 'key'],
  statement_subkey: [`nullif(o.statement_subkey, '')`, 'text'],
  cost: ['o.cost', 'number'],
  eval_time: ['o.eval_time', 'number'],
  wait_period: ['o.wait_period', 'number'],
  generation_time: ['o.generation_time', 'number'],
  proof_key: ['o.proof_key', 'key'],
  eth_id: [`trim(both '"' from o.eth_id)`, 'text'],
  createdOn: ['o.created_on', 'number'],
  updatedOn: ['o.updated_on', 'number'],
};

/** Fields that `q` may name. */
const FILTERS: Readonly<Record<Side, FilterColumns>> = {
  bid: { ...COMMON, ask_key: ['o.counterpart_key', 'key'], proposal_key: ['o.counterpart_key', 'key'] },
  ask: {
    ...COMMON,
    bid_key: ['o.counterpart_key', 'key'],
    request_key: ['o.counterpart_key', 'key'],
    matched_time: ['o.matched_on', 'number'],
  },
};

/** Orders that the caller may see, newest first: all but those of private statements that are neither its own nor for its own statement. */
export async function listOrders(
  db: Db,
  caller: string,
  side: Side,
  { q, page }: { q: unknown; page: Page },
): Promise<OrderWithInput[]> {
  const clauses = readClauses(q, FILTERS[side]);
  const values: unknown[] = [side, caller, page.limit, page.skipped];
  const { rows } = await db.query<OrderWithInput>(
    `SELECT o.*, i.body AS input FROM orders o JOIN statements s ON s.key = o.statement_key
       LEFT JOIN public_inputs i ON i.order_key = o.key
     WHERE o.side = $1 AND (NOT s.is_private OR s.sender = $2 OR o.sender = $2)
       AND ${clausesSql(clauses, FILTERS[side], values)}
     ORDER BY o.key DESC LIMIT $3 OFFSET $4`,
    values,
  );
  return rows;
}

/** Takes the caller's own open order out of the book and gives its tokens back. @throws MarketError 404, 403, 409 */
export async function withdrawOrder(
  pool: Pool,
  caller: string,
  collection: OrderCollection,
  key: string,
  now: number,
): Promise<OrderWithInput> {
  const order = await findOrder(pool, collection, key);
  if (order.sender !== caller) throw forbidden(`${collection} ${key} is not yours`);
  await inTransaction(pool, async (db) => {
    const accounts = await lockAccounts(db, [caller]);
    if (!(await leaveBook(db, accounts, order, now))) {
      const { status } = await findOrder(db, collection, key);
      throw wrongState(`${collection} ${key} is ${status}: only an order that is created can be withdrawn`);
    }
  });
  return findOrder(pool, collection, key);
}

/** False when the order is not open (any more). The sender's accounts must be locked. */
export async function leaveBook(db: Db, accounts: Accounts, order: OrderRow, now: number): Promise<boolean> {
  await lockBook(db, order);
  const { rowCount } = await db.query(
    `UPDATE orders SET status = 'withdrawn', blocked = 0, expires_on = NULL, updated_on = $2, revision = revision + 1
     WHERE key = $1 AND status = 'created'`,
    [order.key, now],
  );
  if (rowCount !== 1) return false;
  const amount = toAmount(order.blocked);
  const release = { from: blocked(order.sender), to: available(order.sender), reason: 'release' } as const;
  await accounts.post([{ ...release, amount, orderKey: order.key }], now);
  return true;
}

export const orderToDocument = (collection: OrderCollection, order: OrderWithInput): Record<string, unknown> =>
  orderDocument(collection, order, order.input === null ? null : parseJson(order.input));

export { sideOf };
