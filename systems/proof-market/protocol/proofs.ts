/** Proofs: taken in, verified, read. */
import type { Db, Pool } from '../../../lib/postgres.ts';
import { type ProofRow, proofDocument } from './documents.ts';
import { badRequest, documentNotFound, forbidden, notImplemented, wrongState } from './errors.ts';
import { type Clause, clausesSql, type FilterColumns, type Page, readClauses } from './filter.ts';
import { parseJson } from './json.ts';
import { acceptProof, failMatch, findPair, type Pair } from './match-end.ts';
import { findOrder } from './orders.ts';
import type { FindStatement } from './statements.ts';
import type { Clock, MarketTerms, OrderRow } from './types.ts';
import type { ProofRequest } from './validation.ts';
import type { ProofVerdict, ProofVerifier } from './verifier.ts';

export interface ProofIntake {
  pool: Pool;
  statementOf: FindStatement;
  verifier: ProofVerifier;
  terms: MarketTerms;
  clock: Clock;
  signal: AbortSignal;
}

/** A match is not late while its proof is verified, for at most this long. */
const VERIFYING_MS = 120_000;

/**
 * Verifies a proof for the caller's matched ask, outside any transaction, and settles. Answers the key of the stored proof.
 * @throws MarketError 404 unknown order, 403 another's ask, 409 nothing to prove, 400 a wrong proof (with all it costs), 501 not verifiable
 */
export async function submitProof(intake: ProofIntake, caller: string, request: ProofRequest): Promise<string> {
  const { pool, terms, clock } = intake;
  const pair = await pairOf(pool, caller, request);
  const { circuit, sender: developer } = await intake.statementOf(pair.bid.statement_key);
  const { input } = await findOrder(pool, 'bid', pair.bid.key);
  if (!(await markVerifying(pool, pair, clock() + VERIFYING_MS))) throw noLongerMatched(pair.ask);
  let result: ProofVerdict;
  try {
    const job = { statement: circuit, input: parseJson(input ?? 'null'), proof: request.proof };
    result = await intake.verifier.verify({ ...job, signal: intake.signal });
  } catch (error) {
    await markVerifying(pool, pair, null);
    throw error;
  }
  if (result.verdict === 'unsupported') {
    await markVerifying(pool, pair, null);
    throw notImplemented(`proofs of statement ${circuit.key} cannot be verified here: ${result.reason}`);
  }
  const end = { terms, now: clock() };
  if (result.verdict === 'rejected') {
    if (!(await failMatch(pool, pair, 'wrong', end))) throw noLongerMatched(pair.ask);
    throw badRequest(`the proof is not valid for bid ${pair.bid.key}: ${result.reason}`);
  }
  const key = await acceptProof(pool, pair, { ...end, proof: request.proof, developer });
  if (key === undefined) throw noLongerMatched(pair.ask);
  return key;
}

const noLongerMatched = (ask: OrderRow): Error => wrongState(`ask ${ask.key} is not processing any more`);

async function pairOf(pool: Pool, caller: string, { bidKey, askKey }: ProofRequest): Promise<Pair> {
  const ask = askKey === undefined ? undefined : await findOrder(pool, 'ask', askKey);
  const bid = bidKey === undefined ? undefined : await findOrder(pool, 'bid', bidKey);
  if (ask && ask.sender !== caller) throw forbidden(`ask ${ask.key} is not yours`);
  if (ask && bid && ask.counterpart_key !== bid.key)
    throw badRequest(`ask ${ask.key} and bid ${bid.key} are not matched`);
  const order = (ask ?? bid)!;
  const pair = await findPair(pool, order);
  if (pair && pair.ask.sender !== caller) throw forbidden(`bid ${order.key} is matched with an ask that is not yours`);
  if (pair) return pair;
  throw wrongState(`${order.side} ${order.key} is ${order.status}: proofs are taken for orders that are processing`);
}

async function markVerifying(db: Db, { bid, ask }: Pair, until: number | null): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE orders SET verifying_until = $3 WHERE key = $1 AND status = 'processing' AND counterpart_key = $2`,
    [bid.key, ask.key, until],
  );
  return rowCount === 1;
}

const FROM = `FROM proofs p JOIN statements s ON s.key = p.statement_key LEFT JOIN public_inputs i ON i.order_key = p.bid_key`;
const COLUMNS = `p.key, p.bid_key, p.ask_key, p.sender, p.requester, p.statement_key, s.name AS statement_name, i.body AS input,
  p.generation_time, p.revision, p.created_on, p.updated_on`;
/** Who made it, who asked for it, who bought it later. */
const MINE = `(p.sender = $1 OR p.requester = $1
  OR EXISTS (SELECT 1 FROM orders o WHERE o.proof_key = p.key AND o.side = 'bid' AND o.sender = $1))`;

/** @throws MarketError 404; 403 for the text of a proof that the caller neither made nor paid for */
export async function findProof(db: Db, caller: string, key: string, { full }: { full: boolean }): Promise<ProofRow> {
  const { rows } = await db.query<ProofRow & { mine: boolean }>(
    `SELECT ${COLUMNS}, ${MINE} AS mine ${full ? ', p.proof' : ''} ${FROM} WHERE p.key = $2`,
    [caller, key],
  );
  const found = rows[0];
  if (found === undefined) throw documentNotFound(`proof ${key}`);
  if (full && !found.mine) throw forbidden(`proof ${key} is not yours: request it to buy it`);
  return found;
}

/** A bid has its proof also when it was bought known. */
const ofBid = [
  'p.bid_key',
  'key',
  (param: string) => `p.key = (SELECT proof_key FROM orders WHERE key = ${param})`,
] as const;

const FILTERS: FilterColumns = {
  _key: ['p.key', 'key'],
  sender: ['p.sender', 'text'],
  statement_key: ['p.statement_key', 'key'],
  statement_name: ['s.name', 'text'],
  bid_key: ofBid,
  request_key: ofBid,
  ask_key: ['p.ask_key', 'key'],
  proposal_key: ['p.ask_key', 'key'],
  generation_time: ['p.generation_time', 'number'],
  createdOn: ['p.created_on', 'number'],
  updatedOn: ['p.updated_on', 'number'],
};

/** The first scripts know no `full`, and expect the text when they ask for the proof of a bid. */
const namesBid = (clauses: readonly Clause[]): boolean =>
  clauses.some(({ key, op }) => op === '=' && (key === 'bid_key' || key === 'request_key'));

/**
 * Newest first. `owned`: the caller's only, which holds for every list that is `full`; without a word about that, the proof of a bid
 * has its text for those who may have it.
 */
export async function listProofs(
  db: Db,
  caller: string,
  { q, page, full, owned }: { q: unknown; page: Page; full: boolean | undefined; owned: boolean },
): Promise<ProofRow[]> {
  const values: unknown[] = [caller, page.limit, page.skipped];
  const clauses = readClauses(q, FILTERS);
  const filter = clausesSql(clauses, FILTERS, values);
  const text = (full ?? namesBid(clauses)) ? `, CASE WHEN ${MINE} THEN p.proof END AS proof` : '';
  const visible = owned || full ? MINE : `(NOT s.is_private OR ${MINE})`;
  const { rows } = await db.query<ProofRow>(
    `SELECT ${COLUMNS} ${text} ${FROM} WHERE ${visible} AND ${filter} ORDER BY p.key DESC LIMIT $2 OFFSET $3`,
    values,
  );
  return rows;
}

export const proofToDocument = (row: ProofRow): Record<string, unknown> =>
  proofDocument(row, row.input === null ? null : parseJson(row.input));
