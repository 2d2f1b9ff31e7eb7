/** The prover gateway: takes batches from the core, hands proofs back. */
import { Counter, Registry } from 'prom-client';
import type { ConfigFlags } from '../../../../lib/component/config-flags.ts';
import { listenHttp } from '../../../../lib/component/http.ts';
import { serveMetrics } from '../../../../lib/component/metrics.ts';
import type { ComponentContext } from '../../../../lib/component/run-component.ts';
import { openPool } from '../../../../lib/postgres.ts';
import { loadConfig, requireProverUrl } from '../../protocol/config.ts';
import { openObjectStore } from '../../protocol/store/object-store.ts';
import { createHttpServer } from '../shared/http.ts';
import { waitForProverDb } from '../shared/wait-for-db.ts';
import { addGatewayRoutes } from './routes.ts';

/** Runs until the signal is aborted. */
export async function runGateway(flags: ConfigFlags, { log, signal }: ComponentContext): Promise<void> {
  const config = await loadConfig(flags);
  const url = requireProverUrl(config);
  const onError = (error: Error): void => log.warn(`database connection lost: ${error.message}`);
  const pool = openPool(url, { max: config.postgres.maxConnections, name: 'gateway', onError });
  const store = await openObjectStore(config.prover.objectStore, { cwd: process.cwd() });
  const registry = new Registry();
  const requests = new Counter({
    name: 'prover_fri_gateway_requests',
    help: 'Answered requests',
    labelNames: ['route', 'status'],
    registers: [registry],
  });
  const app = createHttpServer(log);
  app.addHook('onResponse', async (request, reply) => {
    requests.inc({ route: request.routeOptions.url ?? 'none', status: reply.statusCode });
  });
  addGatewayRoutes(app, { pool, store, log });
  try {
    const { port, prometheusListenerPort, bindAddress } = config.proverGateway;
    await using _metrics = await serveMetrics(prometheusListenerPort, registry, bindAddress);
    await waitForProverDb(pool, url, log, signal);
    await using _http = await listenHttp(app, 'gateway', { host: bindAddress, port });
    log.info({ port, host: bindAddress, store: store.location }, 'gateway ready');
    await aborted(signal);
  } finally {
    await pool.end();
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
