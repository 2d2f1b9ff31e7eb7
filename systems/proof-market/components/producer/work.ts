/** One matched ask: fetch statement and input, generate, push the proof. Every step can be repeated after a crash. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../../lib/atomic-file.ts';
import type { Logger } from '../../../../lib/component/log.ts';
import { GenerateError, generateProof } from '../../generator/generate.ts';
import { MemoryPlanError } from '../../generator/memory.ts';
import { bidOf, type MarketClient, MarketResponseError, type OrderDocument } from '../../protocol/client/client.ts';
import { jsonText } from '../../protocol/json.ts';
import type { AskFiles } from './ask-files.ts';
import type { ProducerMetrics } from './metrics.ts';
import type { ProducerOptions } from './options.ts';

export interface WorkContext {
  client: MarketClient;
  files: AskFiles;
  options: ProducerOptions;
  metrics: ProducerMetrics;
  log: Logger;
  /** Ends a job in the middle. */
  signal: AbortSignal;
}

/** `given-up`: nothing that this producer can do makes a proof of it; the market matches the bid again when its time is over. */
export type Outcome = 'pushed' | 'over' | 'given-up' | 'taken';

const FILES = { statement: 'statement.json', input: 'input.json', out: 'proof.out', proof: 'proof', failed: 'failed' };

/**
 * Works on an ask unless another process does. @throws GenerateError for an attempt that failed and may be repeated,
 * MarketUnreachableError, MarketResponseError of a market in trouble
 */
export async function workOn(ctx: WorkContext, askKey: string): Promise<Outcome> {
  const outcome = await ctx.files.whileWorking(askKey, (dir) => work(ctx, askKey, dir));
  if (outcome === 'pushed' || outcome === 'over') await ctx.files.forget(askKey);
  return outcome ?? 'taken';
}

/** Notes that an ask is not tried any more, also not after a restart. */
export const giveUp = (files: AskFiles, askKey: string, reason: string): Promise<unknown> =>
  files.whileWorking(askKey, (dir) => writeFileAtomic(join(dir, FILES.failed), reason));

async function work(ctx: WorkContext, askKey: string, dir: string): Promise<Outcome> {
  const { client, log, signal } = ctx;
  // another process may have finished it before this one had the lock
  const ask = await client.asks.get(askKey, signal);
  const bidKey = bidOf(ask);
  if (ask.status !== 'processing' || bidKey === undefined) return 'over';
  if ((await textOf(join(dir, FILES.failed))) !== undefined) return 'given-up';
  const proof = (await textOf(join(dir, FILES.proof))) ?? (await generate(ctx, ask, bidKey, dir));
  if (proof === undefined) return 'given-up';
  return push({ ctx, askKey, bidKey, proof, dir, startedOn: ask.matched_time ?? undefined, log });
}

async function generate(
  ctx: WorkContext,
  ask: OrderDocument,
  bidKey: string,
  dir: string,
): Promise<string | undefined> {
  const { client, log, options, signal } = ctx;
  const [statement, bid] = await Promise.all([
    client.statements.get(ask.statement_key, signal),
    client.bids.get(bidKey, signal),
  ]);
  const circuitInput = join(dir, FILES.statement);
  const publicInput = join(dir, FILES.input);
  await writeFileAtomic(circuitInput, jsonText(statement));
  await writeFileAtomic(publicInput, jsonText(bid.input ?? null));
  log.info({ ask: ask._key, bid: bidKey, statement: ask.statement_key }, 'generating');
  const started = performance.now();
  try {
    const { proof, judgedBy } = await generateProof({
      circuitInput,
      publicInput,
      proofOut: join(dir, FILES.out),
      signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
      onLine: (line) => log.debug({ ask: ask._key }, line),
      ...generatorFlags(options),
    });
    const ms = Math.round(performance.now() - started);
    ctx.metrics.generated(ask.statement_key, ms);
    await writeFileAtomic(join(dir, FILES.proof), proof);
    log.info({ ask: ask._key, judgedBy, ms }, 'proof made');
    return proof;
  } catch (error) {
    signal.throwIfAborted();
    if ((error as Error).name === 'TimeoutError') throw new GenerateError(`not done in ${options.timeoutMs} ms`);
    if (!(error instanceof MemoryPlanError) && !(error instanceof GenerateError && error.final)) throw error;
    log.error({ ask: ask._key, bid: bidKey }, `given up: ${error.message}`);
    await writeFileAtomic(join(dir, FILES.failed), error.message);
    return undefined;
  }
}

function generatorFlags({ binary, smp, shard0MemScale, memoryBytes }: ProducerOptions) {
  return {
    ...(binary !== undefined && { binary }),
    ...(smp !== undefined && { smp }),
    ...(shard0MemScale !== undefined && { shard0MemScale }),
    ...(memoryBytes !== undefined && { memoryBytes }),
  };
}

interface Push {
  ctx: WorkContext;
  askKey: string;
  bidKey: string;
  proof: string;
  dir: string;
  startedOn: number | undefined;
  log: Logger;
}

/** No longer this ask's: too late, or a proof came by another way. */
const OVER = new Set([403, 404, 409]);
/** The market cannot use this proof, and would not another time. */
const REFUSED = new Set([400, 413, 501]);

async function push({ ctx, askKey, bidKey, proof, dir, startedOn, log }: Push): Promise<Outcome> {
  try {
    const stored = await ctx.client.proofs.push(proof, { bidKey, askKey }, ctx.signal);
    const sinceMatchMs = startedOn === undefined ? undefined : stored.updatedOn - startedOn;
    log.info({ ask: askKey, bid: bidKey, proof: stored._key, sinceMatchMs }, 'proof pushed');
    return 'pushed';
  } catch (error) {
    if (!(error instanceof MarketResponseError)) throw error;
    if (OVER.has(error.status)) {
      log.warn({ ask: askKey, bid: bidKey }, `not needed any more: ${error.message}`);
      return 'over';
    }
    if (!REFUSED.has(error.status)) throw error;
    log.error({ ask: askKey, bid: bidKey }, `given up: the market refused the proof: ${error.message}`);
    await writeFileAtomic(join(dir, FILES.failed), error.message);
    return 'given-up';
  }
}

const textOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
