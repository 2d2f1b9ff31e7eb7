/** `market producer run`: producers that ask, wait for matches, prove and push, until they are stopped. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import {
  ensureUser,
  PRODUCER_FILES,
  type ProducerChoice,
  producerId,
  producerSpec,
} from '../../../systems/proof-market/index.ts';
import { createMarketClient } from '../../../systems/proof-market/protocol/client/client.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ComponentSpec, RuntimeName } from '../../core/types.ts';
import { freePort } from '../../host/ports.ts';
import type { ManagedRuntime } from '../../runtimes/runtime.ts';
import type { ServiceContext } from '../context.ts';
import { converge, superviseWhile } from '../converge.ts';
import { openRuntime } from '../runtime.ts';
import { untilAborted } from '../watch.ts';
import { readJsonOf, writeJson } from './files.ts';
import { type GeneratorChoice, generatorOf } from './generate.ts';
import { generatorProgram } from './generator-program.ts';
import { ask, type MarketSession, openMarket } from './session.ts';

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

/** Log lines go out as events. Producers that die are started again; when the signal aborts they finish their jobs and withdraw their asks. */
export async function producerRun(ctx: ServiceContext, input: ProducerRunInput): Promise<ProducerRunResult> {
  const market = await openMarket(ctx);
  const runtime = input.runtime === undefined ? market.devnet.runtime : await openRuntime(ctx, input.runtime);
  await refuseRunning(runtime, input.names);
  const specs = await prepareProducers(market, input, runtime.name);
  const ended = new AbortController();
  const lines = followLogs(ctx, runtime, specs, ended.signal);
  ctx.emit({ type: 'notice', message: `${specs.map(({ id }) => id).join(', ')}: Ctrl-C stops them` });
  try {
    await keepRunning(market, runtime, specs);
  } finally {
    const stopping = new AbortController();
    await Promise.allSettled(specs.map(({ id }) => runtime.stop(id, stopping.signal)));
    ended.abort();
    await lines;
  }
  ctx.signal.throwIfAborted();
  return { producers: specs.map(({ id }, index) => ({ id, user: input.names[index] as string })) };
}

async function refuseRunning(runtime: ManagedRuntime, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { state, pid } = await runtime.inspect(producerId(name));
    if (state !== 'running') continue;
    const where = pid === undefined ? '' : ` (pid ${pid})`;
    throw new DevkitError('ALREADY_EXISTS', `${producerId(name)} runs already${where}`, {
      hint: `devkit logs ${producerId(name)} --follow   or another one: devkit market producer run --name ${name}2`,
    });
  }
}

/** Account, login and offers of each, in its folder. */
async function prepareProducers(
  market: MarketSession,
  input: ProducerRunInput,
  runtime: RuntimeName,
): Promise<ComponentSpec[]> {
  const { devnet, files, url, ctx } = market;
  await devnet.whileRunning(devnet.specs, async () => {}); // the accounts are made in the market
  const generator = await generatorFor(market, input, runtime);
  const specs: ComponentSpec[] = [];
  for (const name of input.names) {
    const credentials = await ask(ensureUser(url, files, name, ctx.signal));
    const client = createMarketClient({ url, credentials });
    await ask(client.registerProducer({ description: 'Generic Producer' }, ctx.signal));
    const dir = files.producerDir(name);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const login = { username: credentials.username, secret: credentials.password };
    await writeFileAtomic(join(dir, PRODUCER_FILES.auth), JSON.stringify(login), { mode: 0o600 });
    await writeJson(join(dir, PRODUCER_FILES.statements), await offersOf(input));
    specs.push(producerSpec(devnet.place, { ...choiceOf(input), name, generator, metricsPort: await freePort() }));
  }
  await devnet.prepare(specs, runtime);
  return specs;
}

const choiceOf = ({ smp, shard0MemScale, memoryBytes, timeoutMs }: ProducerRunInput): Partial<ProducerChoice> => ({
  smp,
  shard0MemScale,
  memoryBytes,
  timeoutMs,
});

async function offersOf(input: ProducerRunInput): Promise<unknown> {
  if (input.statements !== undefined) return readJsonOf('--statements', input.statements);
  const { statement, cost, limit, generationTime } = input;
  return { [statement]: { cost, limit, ...(generationTime === undefined ? {} : { eval_time: generationTime }) } };
}

/** Program that the producers run; undefined: the reference one. @throws DevkitError USAGE for a program that a container does not have */
async function generatorFor(
  { ctx, devnet }: MarketSession,
  input: ProducerRunInput,
  runtime: RuntimeName,
): Promise<string | undefined> {
  const choice = generatorOf(devnet.place.stack, input);
  const foreign = choice.program ?? choice.image;
  if (foreign === undefined) return undefined;
  if (runtime === 'docker') {
    throw new DevkitError('USAGE', `a producer in a container has only the reference generator, not ${foreign}`, {
      hint: 'devkit market producer run --no-docker   (the producer as a process, beside the containers)',
    });
  }
  return choice.program ?? generatorProgram(ctx, choice.image as string);
}

async function keepRunning(
  { ctx, devnet }: MarketSession,
  runtime: ManagedRuntime,
  specs: readonly ComponentSpec[],
): Promise<void> {
  const { emit, signal, paths } = ctx;
  const run = { emit, signal, keepChanged: true, downMarker: paths.downMarker };
  await converge({ ...run, runtime, specs });
  await devnet.whileRunning(devnet.specs, (inner) =>
    superviseWhile((both) => untilAborted(both), { ...run, runtime, specs, signal: inner }),
  );
}

async function followLogs(
  { emit }: ServiceContext,
  runtime: ManagedRuntime,
  specs: readonly ComponentSpec[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    specs.map(async ({ id }) => {
      for await (const line of runtime.logs(id, { follow: true, tail: 0 }, signal))
        emit({ type: 'log', component: id, line });
    }),
  );
}
