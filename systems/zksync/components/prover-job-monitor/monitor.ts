/** The prover job monitor: moves jobs between rounds, requeues, archives, reports. */
import type { ConfigFlags } from '../../../../lib/component/config-flags.ts';
import { listenHttp } from '../../../../lib/component/http.ts';
import { serveMetrics } from '../../../../lib/component/metrics.ts';
import type { ComponentContext } from '../../../../lib/component/run-component.ts';
import { openPool } from '../../../../lib/postgres.ts';
import { loadConfig, requireProverUrl } from '../../protocol/config.ts';
import { PROVER_CHANNEL } from '../../protocol/prover-db/db.ts';
import { queueReport, statusCounts } from '../../protocol/prover-db/reports.ts';
import { createHttpServer, sendJson } from '../shared/http.ts';
import { waitForProverDb } from '../shared/wait-for-db.ts';
import { openWaker } from '../shared/waker.ts';
import { createGauges } from './gauges.ts';
import { runLoops } from './loops.ts';

/** Runs until the signal is aborted. */
export async function runJobMonitor(flags: ConfigFlags, { log, signal }: ComponentContext): Promise<void> {
  const config = await loadConfig(flags);
  const url = requireProverUrl(config);
  const { maxDbConnections: max, prometheusPort, httpPort, bindAddress: host } = config.proverJobMonitor;
  const onError = (error: Error): void => log.warn(`database connection lost: ${error.message}`);
  const pool = openPool(url, { max, name: 'prover-job-monitor', onError });
  const gauges = createGauges();
  const app = createHttpServer(log);
  app.get('/queue_report', async (_, reply) => sendJson(reply, queueReport(await statusCounts(pool))));
  try {
    await using _metrics = await serveMetrics(prometheusPort, gauges.registry, host);
    await waitForProverDb(pool, url, log, signal);
    await using _http = await listenHttp(app, 'queue report', { host, port: httpPort });
    await using waker = openWaker(url, PROVER_CHANNEL, { enabled: config.devkit.fast.notify });
    log.info({ port: httpPort, host }, 'prover job monitor ready');
    await runLoops({ pool, config, gauges, waker, log, signal });
  } finally {
    await pool.end();
  }
}
