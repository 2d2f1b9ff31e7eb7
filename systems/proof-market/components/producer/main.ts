/** Proof producer: asks in the market, generates the proofs that it is matched for, and pushes them. */
import { serveMetrics } from '../../../../lib/component/metrics.ts';
import { ConfigError } from '../../../../lib/component/refusal.ts';
import { type ComponentContext, runComponent, StopError } from '../../../../lib/component/run-component.ts';
import { createMarketClient, MarketResponseError } from '../../protocol/client/client.ts';
import { askFiles } from './ask-files.ts';
import { createMetrics } from './metrics.ts';
import { readOptions } from './options.ts';
import { runProducer } from './producer.ts';

const GRACE_MS = 90_000;
/** For withdrawing asks after the running job was dropped. */
const END_MS = 6_000;

async function main({ log, signal, podName }: ComponentContext): Promise<void> {
  const options = await readOptions(process.argv.slice(2), process.env);
  const { url, credentials, offers, dbPath, binary, metricsPort, owner = podName } = options;
  log.info(
    { pod: podName, url, user: credentials.username, offers, dbPath, generator: binary ?? 'reference' },
    'ready',
  );
  const metrics = createMetrics();
  await using _server = metricsPort === undefined ? undefined : await serveMetrics(metricsPort, metrics.registry);
  const hard = new AbortController();
  const dropJobs = (): void => {
    setTimeout(() => hard.abort(new StopError(`a stop, after ${GRACE_MS - END_MS} ms`)), GRACE_MS - END_MS).unref();
  };
  signal.addEventListener('abort', dropJobs, { once: true });
  await runProducer({
    client: createMarketClient({ url, credentials }),
    files: askFiles(dbPath, owner),
    options,
    metrics,
    log,
    signal,
    hardSignal: hard.signal,
  }).catch((error: unknown) => {
    if (!(error instanceof MarketResponseError) || error.status !== 401) throw error;
    throw new ConfigError(`the market at ${url} refuses the login of ${credentials.username}: ${error.message}`);
  });
}

await runComponent('producer', main, { graceMs: GRACE_MS });
