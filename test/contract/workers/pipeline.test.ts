import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { poll } from '../../../lib/deadline.ts';
import { planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import { expectedFromWitness } from '../../../systems/zksync/protocol/bundle/check.ts';
import { checkProofFile } from '../../../systems/zksync/protocol/bundle/proof-file.ts';
import { PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import { insertBatch } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { encodeWitnessInput, type WitnessInputData } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { makeBatch } from './batch.ts';
import { type ProverDevnet, startDevnet } from './devnet.ts';

const CHAIN = 271;
const TIMEOUT_MS = 240_000;
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
});

interface ProverRow {
  aggregation_round: number;
  circuit_id: number;
  status: string;
  attempts: number;
}

async function proverRows(net: ProverDevnet): Promise<ProverRow[]> {
  const { rows } = await net.database.pool.query<ProverRow>(
    'SELECT aggregation_round, circuit_id, status, attempts FROM prover_jobs_fri ORDER BY aggregation_round, circuit_id',
  );
  return rows;
}

const statuses = async (net: ProverDevnet): Promise<string[]> => (await proverRows(net)).map((row) => row.status);

async function compressionStatus(net: ProverDevnet): Promise<string | undefined> {
  const { rows } = await net.database.pool.query<{ status: string }>('SELECT status FROM proof_compression_jobs_fri');
  expect(rows.length).toBeLessThan(2);
  return rows[0]?.status;
}

const until = (condition: () => Promise<boolean>): Promise<true> =>
  poll(async () => ((await condition()) ? true : undefined), {
    intervalMs: 30,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });

/** The verdict on the final proof file with keys and expected values from here, not from the prover. */
async function verdict(net: ProverDevnet, input: WitnessInputData) {
  const { batchNumber: batch } = input.vmRunData.devkit;
  const { minor, patch } = PROVER_PROTOCOL_VERSION;
  const file = await readFile(join(net.store, 'proofs_fri', `l1_batch_proof_${batch}_0_0_${minor}_${patch}.cbor`));
  const { scheduler } = planBasic(net.hasher, input);
  return checkProofFile(file, {
    circuitSet: net.circuits,
    hasher: net.hasher,
    expected: expectedFromWitness(scheduler, PROVER_PROTOCOL_VERSION),
    verify: net.bb.verify,
  });
}

/** What a restart of the database does to everybody. */
async function dropConnections(net: ProverDevnet): Promise<void> {
  net.database.pool.on('error', () => undefined);
  const { rowCount } = await net.database.pool.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  expect(rowCount).toBeGreaterThan(8);
}

it('proves a batch although the circuit prover is stopped and killed, and all database connections drop', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using net = await startDevnet(postgres);
  const input = makeBatch(net.hasher, { batch: 1, chainId: CHAIN });
  await writeFile(join(net.store, 'witness_inputs', 'witness_inputs_1.cbor'), encodeWitnessInput(input));
  await insertBatch(net.database.pool, { batch: 1, chainId: 0, version: PROVER_PROTOCOL_VERSION });
  net.start('prover-job-monitor');
  net.start('witness-generator', '--all_rounds');
  net.start('compressor');

  const first = net.start('circuit-prover', '--threads=1');
  await until(async () => (await statuses(net)).includes('in_progress'));
  first.process.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  const stopped = await proverRows(net);
  expect(stopped.map((row) => row.status)).not.toContain('in_progress');
  expect(stopped.filter((row) => row.status === 'queued').map((row) => row.attempts)).not.toContain(1);

  const second = net.start('circuit-prover');
  await until(async () => (await statuses(net)).includes('in_progress'));
  second.kill();
  await second.ended;
  expect(await statuses(net)).toContain('in_progress');

  const third = net.start('circuit-prover', '--threads=2');
  await until(async () => (await statuses(net)).filter((status) => status === 'successful').length > 2);
  await dropConnections(net);
  await until(async () => (await compressionStatus(net)) === 'successful');
  expect((await proverRows(net)).map((row) => [row.aggregation_round, row.circuit_id, row.status])).toEqual([
    ...[1, 9, 10, 13].map((id) => [0, id, 'successful']),
    ...[3, 11, 12, 15].map((id) => [1, id, 'successful']),
    ...[3, 11, 12, 15].map((id) => [2, id, 'successful']),
    [3, 255, 'successful'],
    [4, 1, 'successful'],
  ]);
  expect(await third.log()).toContain(`of ${second.podName}, which ended without finishing them`);
  expect(await verdict(net, input)).toEqual({ verdict: 'accepted', proofs: 15 });
});
