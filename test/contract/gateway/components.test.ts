import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createProverSchema } from '../../../systems/zksync/protocol/prover-db/migrations.ts';
import { proofGenerationDataToJson } from '../../../systems/zksync/protocol/wire/gateway.ts';
import { freePort, startPostgres, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';
import { sampleRequest } from '../../fixtures/zksync-samples.ts';
import { addCircuits, proveAll, rowsOf } from '../prover-db/helpers.ts';

const POLL_MS = 20;
let postgres: TestPostgres;
let db: TestDatabase;
let dir: string;
let ports: { gateway: number; gatewayMetrics: number; report: number; metrics: number };
const running: ChildProcess[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

beforeEach(async () => {
  db = await postgres.proverDatabase();
  dir = await mkdtemp(join(tmpdir(), 'devkit-components-'));
  ports = {
    gateway: await freePort(),
    gatewayMetrics: await freePort(),
    report: await freePort(),
    metrics: await freePort(),
  };
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  await db[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  output: () => string;
}

async function start(component: string, { monitor = '', more = '', url = db.url } = {}): Promise<Started> {
  await writeFile(
    join(dir, 'general.yaml'),
    `prover_gateway: {port: ${ports.gateway}, prometheus_listener_port: ${ports.gatewayMetrics}}\n` +
      `prover_job_monitor: {http_port: ${ports.report}, prometheus_port: ${ports.metrics}${monitor}}\n${more}`,
  );
  await writeFile(join(dir, 'secrets.yaml'), `database: {prover_url: '${url}'}`);
  const main = resolve('systems/zksync/components', component, 'main.ts');
  const args = [main, `--config-path=${join(dir, 'general.yaml')}`, `--secrets-path=${join(dir, 'secrets.yaml')}`];
  const child = spawn(process.execPath, args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (text += data));
  return { child, output: () => text };
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await look().catch(() => undefined);
    if (value !== undefined && value !== false) return value;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

const get = (port: number, path: string): Promise<string> =>
  until(async () => (await fetch(`http://127.0.0.1:${port}${path}`)).text());

async function stop({ child }: Started, signal: NodeJS.Signals): Promise<number | null> {
  child.kill(signal);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

describe('gateway program', () => {
  test('takes a batch over HTTP, counts it, and stops cleanly', async () => {
    const gateway = await start('gateway');
    const body = JSON.stringify(proofGenerationDataToJson(sampleRequest()));
    const url = `http://127.0.0.1:${ports.gateway}/submit_request_for_proofs`;
    const headers = { 'content-type': 'application/json' };
    expect(
      await until(async () => (await fetch(url, { method: 'POST', headers, body })).json().then((json) => ({ json }))),
    ).toEqual({ json: null });
    expect(await rowsOf(db.pool, 'basic')).toHaveLength(1);
    expect(await get(ports.gatewayMetrics, '/metrics')).toContain(
      'prover_fri_gateway_requests{route="/submit_request_for_proofs",status="200"} 1',
    );
    expect(await stop(gateway, 'SIGTERM')).toBe(0);
  });

  test('waits for its tables, saying so, and starts when they are there', async () => {
    const url = await postgres.emptyDatabase();
    const gateway = await start('gateway', { url });
    await until(async () => gateway.output().includes('has no tables yet'));
    await createProverSchema(url);
    await until(async () => gateway.output().includes('gateway ready'));
    expect(await stop(gateway, 'SIGINT')).toBe(0);
  });

  test('names a port that is taken', async () => {
    await start('gateway');
    await get(ports.gateway, '/');
    ports.gatewayMetrics = await freePort();
    const second = await start('gateway');
    const [code] = await once(second.child, 'exit');
    expect(code).toBe(1);
    expect(second.output()).toContain(`gateway: port ${ports.gateway} on 127.0.0.1 is in use`);
  });

  test('refuses an unknown flag with exit code 2', async () => {
    const child = spawn(process.execPath, [resolve('systems/zksync/components/gateway/main.ts'), '--nonsense'], {
      stdio: 'ignore',
    });
    const [code] = await once(child, 'exit');
    expect(code).toBe(2);
  });
});

describe('prover job monitor program', () => {
  test('moves jobs as soon as their proofs are there, long before its interval', async () => {
    const monitor = await start('prover-job-monitor', { more: 'devkit: {fast: {idle_interval: 1 hour}}' });
    await until(async () => monitor.output().includes('job monitor ready'));
    await addCircuits(db.pool);
    await proveAll(db.pool);
    await until(async () => (await rowsOf(db.pool, 'leaf')).every((row) => row.status === 'queued'));
    expect(await stop(monitor, 'SIGTERM')).toBe(0);
  });

  test('moves jobs by polling alone', async () => {
    const settings = { monitor: ', witness_job_queuer_run_interval_ms: 50', more: 'devkit: {fast: {notify: false}}' };
    const monitor = await start('prover-job-monitor', settings);
    await until(async () => monitor.output().includes('job monitor ready'));
    await addCircuits(db.pool);
    await proveAll(db.pool);
    await until(async () => (await rowsOf(db.pool, 'leaf')).every((row) => row.status === 'queued'));
    expect(await stop(monitor, 'SIGTERM')).toBe(0);
  });

  test('requeues a failed job and reports the queue', async () => {
    await addCircuits(db.pool);
    await db.pool.query("UPDATE prover_jobs_fri SET status = 'failed', attempts = 1 WHERE sequence_number = 0");
    await db.pool.query(
      "UPDATE prover_jobs_fri SET status = 'failed', attempts = 5, error = 'bad' WHERE sequence_number = 1",
    );
    const monitor = await start('prover-job-monitor');
    await until(async () => (await rowsOf(db.pool, 'prover', 'sequence_number'))[0]?.status === 'queued');
    const report = JSON.parse(await get(ports.report, '/queue_report'));
    expect(report).toMatchObject([{ version: '0.31.0', report: { prover_jobs: { queued: 2, in_progress: 0 } } }]);
    const metrics = await until(async () => {
      const text = await get(ports.metrics, '/metrics');
      return text.includes('reached_max_attempts{job_type="prover"} 1') ? text : undefined;
    });
    expect(metrics).toContain(
      'fri_prover_prover_jobs{type="queued",circuit_id="9",aggregation_round="basic_circuits",protocol_version="0.31.0"} 1',
    );
    expect(metrics).toContain('fri_prover_oldest_unpicked_batch 1');
    expect(monitor.output()).toContain('used up its 5 attempts');
  });

  test('survives a database that goes away', async () => {
    const monitor = await start('prover-job-monitor');
    await until(async () => monitor.output().includes('job monitor ready'));
    await db.pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await addCircuits(db.pool);
    await proveAll(db.pool);
    await until(async () => (await rowsOf(db.pool, 'leaf')).every((row) => row.status === 'queued'));
    expect(monitor.child.exitCode).toBeNull();
  });
});
