/** `market producer run`: producers that ask, wait for matches, prove and push, until they are stopped. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson, writeFileAtomic } from '../../../lib/atomic-file.ts';
import { withFileLock } from '../../../lib/file-lock.ts';
import {
  ensureUser,
  PRODUCER_FILES,
  type ProducerChoice,
  producerId,
  producerSpec,
} from '../../../systems/proof-market/index.ts';
import { createMarketClient } from '../../../systems/proof-market/protocol/client/client.ts';
import { jsonText } from '../../../systems/proof-market/protocol/json.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ComponentSpec, RuntimeName } from '../../core/types.ts';
import { freePort } from '../../host/ports.ts';
import type { ManagedRuntime } from '../../runtimes/runtime.ts';
import { runAllAttached } from '../attach.ts';
import type { ServiceContext } from '../context.ts';
import { converge, superviseWhile } from '../converge.ts';
import { openRuntime } from '../runtime.ts';
import { untilAborted } from '../watch.ts';
import { readJsonOf, writeJson } from './files.ts';
import { type GeneratorChoice, generatorOf, requireMemory } from './generate.ts';
import { generatorProgram } from './generator-program.ts';
import { answerOf, type MarketSession, openMarket } from './session.ts';

export interface ProducerRunInput extends GeneratorChoice {
  /** Users that ask, one producer each; their accounts are made if need be. */
  names: readonly string[];
  statement: string;
  cost: number;
  /** Open asks that each keeps in the book. */
  limit: number;
  /** Absolute path of a file with several statements, `{"<key>":{"cost":…}}`, instead of `statement`, `cost` and `limit`. */
  statements?: string | undefined;
  /** Minutes, promised. */
  generationTime?: number | undefined;
  /** Absent: as the devnet runs. */
  runtime?: RuntimeName | undefined;
  smp?: number | undefined;
  shard0MemScale?: number | undefined;
  memoryBytes?: number | undefined;
  timeoutMs?: number | undefined;
}

export interface ProducerRunResult {
  producers: { id: string; user: string }[];
}

/**
 * Log lines go out as events. Producers that die are started again; when the signal aborts they finish their jobs and withdraw their asks.
 * Those that a killed command left go on with their jobs under this one. @throws DevkitError ALREADY_EXISTS while another command runs one
 */
export async function producerRun(ctx: ServiceContext, input: ProducerRunInput): Promise<ProducerRunResult> {
  const market = await openMarket(ctx);
  const runtime = input.runtime === undefined ? market.devnet.runtime : await openRuntime(ctx, input.runtime);
  return asOnlyCommand(ctx, runtime, input.names, () => runAll(market, runtime, input));
}

/** The locks are the kernel's: they end with a command that is killed. */
async function asOnlyCommand<T>(
  ctx: ServiceContext,
  runtime: ManagedRuntime,
  [name, ...others]: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  if (name === undefined) return work();
  const taken = new Error('taken');
  const lock = join(ctx.paths.runDir, `${producerId(name)}.command.lock`);
  try {
    // an aborted signal: one attempt, no waiting
    return await withFileLock(lock, () => asOnlyCommand(ctx, runtime, others, work), AbortSignal.abort(taken));
  } catch (error) {
    throw error === taken ? await runsAlready(runtime, name) : error;
  }
}

async function runsAlready(runtime: ManagedRuntime, name: string): Promise<DevkitError> {
  const { pid } = await runtime.inspect(producerId(name));
  const where = pid === undefined ? '' : ` (pid ${pid})`;
  return new DevkitError('ALREADY_EXISTS', `another command runs ${producerId(name)} already${where}`, {
    hint: `devkit logs ${producerId(name)} --follow   or another one: devkit market producer run --name ${name}2`,
  });
}

async function runAll(
  market: MarketSession,
  runtime: ManagedRuntime,
  input: ProducerRunInput,
): Promise<ProducerRunResult> {
  const { emit, signal } = market.ctx;
  const specs = await prepareProducers(market, input, runtime);
  await runAllAttached(specs, { runtime, emit, signal }, () => keepRunning(market, runtime, specs));
  return { producers: specs.map(({ id }, index) => ({ id, user: input.names[index] as string })) };
}

/** Account, login and offers of each, in its folder. */
async function prepareProducers(
  market: MarketSession,
  input: ProducerRunInput,
  runtime: ManagedRuntime,
): Promise<ComponentSpec[]> {
  const { devnet } = market;
  requireMemory(input);
  const generator = await generatorFor(market, input, runtime.name);
  await devnet.whileRunning(devnet.specs, async () => {}); // the accounts are made in the market
  const offers = await offersOf(market, input);
  const specs: ComponentSpec[] = [];
  for (const name of input.names) {
    const metricsPort = await prepareProducer(market, runtime, name, offers);
    specs.push(producerSpec(devnet.place, { ...choiceOf(input), ...generator, name, metricsPort }));
  }
  await devnet.prepare(specs, runtime.name);
  return specs;
}

/** The port for its metrics. */
async function prepareProducer(
  { files, url, ctx }: MarketSession,
  runtime: ManagedRuntime,
  name: string,
  offers: unknown,
): Promise<number> {
  const credentials = await answerOf(ensureUser(url, files, name, ctx.signal));
  const client = createMarketClient({ url, credentials });
  await answerOf(client.registerProducer({ description: 'Generic Producer' }, ctx.signal));
  const dir = files.producerDir(name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const login = { username: credentials.username, secret: credentials.password };
  await writeFileAtomic(join(dir, PRODUCER_FILES.auth), JSON.stringify(login), { mode: 0o600 });
  const statements = join(dir, PRODUCER_FILES.statements);
  const sameOffers = jsonText(await readJson(statements)) === jsonText(offers);
  const left = sameOffers ? await leftPort(runtime, name) : undefined;
  const port = left ?? (await endLeft(ctx, runtime, name));
  await writeJson(statements, offers);
  return port;
}

/** Metrics port of a producer that a killed command left: with the same flags it goes on. Undefined when none runs here. */
async function leftPort(runtime: ManagedRuntime, name: string): Promise<number | undefined> {
  const id = producerId(name);
  const { state, runtime: where } = await runtime.inspect(id);
  if (state !== 'running' || where !== runtime.name) return undefined;
  return (await runtime.describe(id))?.ports.find((port) => port.name === 'metrics')?.port;
}

/** What was left and is not what is wanted now finishes its job first. Port for another. */
async function endLeft({ signal }: ServiceContext, runtime: ManagedRuntime, name: string): Promise<number> {
  await runtime.stop(producerId(name), signal);
  return freePort();
}

const choiceOf = ({ smp, shard0MemScale, memoryBytes, timeoutMs }: ProducerRunInput): Partial<ProducerChoice> => ({
  smp,
  shard0MemScale,
  memoryBytes,
  timeoutMs,
});

/** @throws DevkitError NOT_FOUND for a statement that the market does not have */
async function offersOf({ url, ctx }: MarketSession, input: ProducerRunInput): Promise<unknown> {
  const { statement, cost, limit, generationTime, statements } = input;
  const one = { cost, limit, ...(generationTime === undefined ? {} : { eval_time: generationTime }) };
  const offers = statements === undefined ? { [statement]: one } : await readJsonOf('--statements', statements);
  const client = createMarketClient({ url });
  // of a file that is something else, the producer says what is wrong with it
  const keys = typeof offers === 'object' && offers !== null && !Array.isArray(offers) ? Object.keys(offers) : [];
  for (const key of keys) await answerOf(client.statements.get(key, ctx.signal));
  return offers;
}

/** What the producers run; empty: the reference one. @throws DevkitError USAGE for a program that a container does not have */
async function generatorFor(
  { ctx, devnet }: MarketSession,
  input: ProducerRunInput,
  runtime: RuntimeName,
): Promise<Pick<ProducerChoice, 'generator' | 'memoryBytes'>> {
  const { program, image } = await generatorOf(devnet.place.stack, input);
  const foreign = program ?? image;
  if (foreign === undefined) return {};
  if (runtime === 'docker') {
    throw new DevkitError('USAGE', `a producer in a container has only the reference generator, not ${foreign}`, {
      hint: 'devkit market producer run --no-docker   (the producer as a process, beside the containers)',
    });
  }
  if (image === undefined) return { generator: foreign };
  // the memory is the container's, not that of who starts it
  return { generator: await generatorProgram(ctx, image, input.memoryBytes), memoryBytes: undefined };
}

async function keepRunning(
  { ctx, devnet }: MarketSession,
  runtime: ManagedRuntime,
  specs: readonly ComponentSpec[],
): Promise<void> {
  const { emit, signal, paths } = ctx;
  const run = { emit, runtime, specs, downMarker: paths.downMarker };
  await converge({ ...run, signal });
  await devnet.whileRunning(devnet.specs, (inner) => superviseWhile(untilAborted, { ...run, signal: inner }));
}
