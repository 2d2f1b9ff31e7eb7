/** The producer's loops: keep asks in the book, prove what was matched. What is open and matched is read from the market each time. */
import type { Logger } from '../../../../lib/component/log.ts';
import { sleep } from '../../../../lib/deadline.ts';
import { GenerateError } from '../../generator/generate.ts';
import { type MarketClient, MarketResponseError, MarketUnreachableError } from '../../protocol/client/client.ts';
import type { AskFiles } from './ask-files.ts';
import type { ProducerMetrics } from './metrics.ts';
import type { Offer, ProducerOptions } from './options.ts';
import { giveUp, workOn } from './work.ts';

export interface Producer {
  client: MarketClient;
  files: AskFiles;
  options: ProducerOptions;
  metrics: ProducerMetrics;
  log: Logger;
  /** No new asks and jobs after it is aborted; a running job goes on. */
  signal: AbortSignal;
  /** Ends running jobs too. */
  hardSignal: AbortSignal;
}

/** Runs of the generator for one ask. */
const ATTEMPTS = 3;
const LIST_LIMIT = 1000;
/** Between tries while the market does not answer, at most. */
const MAX_WAIT_MS = 5_000;
const WITHDRAW_MS = 5_000;

/** Until aborted; then withdraws the asks that this producer left open. */
export async function runProducer(producer: Producer): Promise<void> {
  const attempts = new Map<string, number>();
  const refusals = new Map<string, string>();
  await Promise.all([
    loop(producer, 'asks', () => topUp(producer, refusals)),
    loop(producer, 'jobs', () => workOnMatched(producer, attempts)),
  ]);
  await withdrawOwn(producer);
}

/** Calls `run` again and again; a market that is away or in trouble is said once and waited for. */
async function loop(
  { options, log, signal, hardSignal }: Producer,
  name: string,
  run: () => Promise<void>,
): Promise<void> {
  let said = '';
  let waitMs = options.pollMs;
  while (!signal.aborted) {
    try {
      await run();
      if (said !== '') log.info({ loop: name }, 'the market answers again');
      said = '';
      waitMs = options.pollMs;
    } catch (error) {
      if (signal.aborted && (error === signal.reason || error === hardSignal.reason)) break;
      if (!isPassing(error)) throw error;
      // how the connection failed changes while a market goes down
      const what = error instanceof MarketUnreachableError ? error.name : error.message;
      if (what !== said) log.warn({ loop: name }, error.message);
      said = what;
      waitMs = Math.min(waitMs * 2, MAX_WAIT_MS);
    }
    await sleep(waitMs, signal).catch(() => {}); // only an abort, which the condition above sees
  }
}

const isPassing = (error: unknown): error is Error =>
  error instanceof MarketUnreachableError || (error instanceof MarketResponseError && error.status >= 500);

/** Pushes asks until as many are open as each offer says. Asks of other producers of this user count. */
async function topUp(producer: Producer, refusals: Map<string, string>): Promise<void> {
  const { files, options, signal } = producer;
  await files.whileAsking(async () => {
    for (const offer of options.offers) await topUpOffer(producer, offer, refusals);
  }, signal);
}

/** An offer that the market refuses (unknown statement, no funds) is said once and tried again each time. */
async function topUpOffer(producer: Producer, offer: Offer, refusals: Map<string, string>): Promise<void> {
  const { client, files, options, metrics, log, signal } = producer;
  const { statementKey, limit, cost } = offer;
  try {
    const open = await client.asks.list({ q: mine(options, 'created', statementKey), limit }, signal);
    for (let count = open.length; count < limit; count++) {
      signal.throwIfAborted();
      const { _key, status } = await client.asks.push(newAsk(offer), signal);
      await files.own(_key);
      metrics.asked(statementKey);
      log.info({ ask: _key, statement: statementKey, cost, status }, 'ask pushed');
    }
    refusals.delete(statementKey);
  } catch (error) {
    const refused = error instanceof MarketResponseError && error.status < 500 && error.status !== 401;
    if (!refused) throw error;
    if (refusals.get(statementKey) !== error.message) log.warn({ statement: statementKey }, error.message);
    refusals.set(statementKey, error.message);
  }
}

const newAsk = ({ statementKey, cost, evalTimeMin }: Offer) => ({
  statement_key: statementKey,
  cost,
  ...(evalTimeMin !== undefined && { eval_time: evalTimeMin }),
});

const mine = ({ credentials }: ProducerOptions, status: string, statementKey?: string) => [
  { key: 'sender', value: credentials.username },
  { key: 'status', value: status },
  ...(statementKey === undefined ? [] : [{ key: 'statement_key', value: statementKey }]),
];

/** Oldest match first; a job that failed is tried again in a later round. */
async function workOnMatched(producer: Producer, attempts: Map<string, number>): Promise<void> {
  const { client, options, metrics, signal, hardSignal } = producer;
  const matched = await client.asks.list({ q: mine(options, 'processing'), limit: LIST_LIMIT }, signal);
  matched.sort((a, b) => (a.matched_time ?? 0) - (b.matched_time ?? 0));
  const present = new Set(matched.map(({ _key }) => _key));
  for (const key of attempts.keys()) if (!present.has(key)) attempts.delete(key);
  for (const { _key, statement_key: statement } of matched) {
    if (signal.aborted) return;
    const tried = attempts.get(_key) ?? 0;
    if (tried >= ATTEMPTS) continue;
    try {
      const outcome = await workOn({ ...producer, signal: hardSignal }, _key);
      if (outcome !== 'taken') metrics.ended(statement, outcome);
      if (outcome === 'given-up') attempts.set(_key, ATTEMPTS);
    } catch (error) {
      if (!(error instanceof GenerateError)) throw error;
      attempts.set(_key, tried + 1);
      metrics.ended(statement, 'failed');
      await attemptFailed(producer, _key, tried + 1, error);
    }
  }
}

async function attemptFailed(
  { files, log }: Producer,
  ask: string,
  attempt: number,
  error: GenerateError,
): Promise<void> {
  const lines = error.lines.slice(-20);
  log.warn({ ask, attempt, of: ATTEMPTS, lines }, error.message);
  if (attempt < ATTEMPTS) return;
  log.error({ ask }, `given up after ${ATTEMPTS} attempts`);
  await giveUp(files, ask, error.message);
}

/** An ask in the book that nobody works for would cost a requester time and this user rating. */
async function withdrawOwn({ client, files, log }: Producer): Promise<void> {
  const signal = AbortSignal.timeout(WITHDRAW_MS);
  for (const key of await files.owned()) {
    try {
      const { status } = await client.asks.get(key, signal);
      if (status === 'processing') continue;
      if (status === 'created') {
        await client.asks.withdraw(key, signal);
        log.info({ ask: key }, 'ask withdrawn');
      }
      await files.forget(key);
    } catch (error) {
      // it was matched meanwhile, or the market is gone: the next start sees to it
      log.warn({ ask: key }, `not withdrawn: ${(error as Error).message}`);
    }
  }
}
