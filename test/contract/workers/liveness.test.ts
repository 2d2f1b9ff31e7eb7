import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../../lib/component/log.ts';
import {
  deadNames,
  holdName,
  keepName,
  NameTakenError,
  requeueOwnDead,
} from '../../../systems/zksync/components/workers/liveness.ts';
import { PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import { insertBatch } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { pickBasicJob } from '../../../systems/zksync/protocol/prover-db/pick.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';
import { insertVersionOf } from './devnet.ts';

const signal = new AbortController().signal;
const log = createLog('test', { DEVKIT_LOG: 'silent' });
let postgres: TestPostgres;
let database: TestDatabase;

beforeAll(async () => {
  postgres = await startPostgres();
  database = await postgres.proverDatabase();
  await insertVersionOf(database, `0x${'22'.repeat(32)}`);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

describe('names of workers', () => {
  it('are dead once nobody holds them', async () => {
    const held = await holdName(database.url, 'prover-a');
    expect(await deadNames(database.pool, ['prover-a', 'prover-b'])).toEqual(['prover-b']);
    await held.release();
    expect(await deadNames(database.pool, ['prover-a', 'prover-b'])).toEqual(['prover-a', 'prover-b']);
  });

  it('can be held by one process only', async () => {
    const held = await holdName(database.url, 'prover-c');
    await expect(holdName(database.url, 'prover-c')).rejects.toThrow(NameTakenError);
    await held.release();
  });

  it('are held again after the connection was lost', async () => {
    const release = await keepName({ proverUrl: database.url, podName: 'prover-d', signal });
    const holder = async (): Promise<number | undefined> => {
      const { rows } = await database.pool.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'prover-d name'",
      );
      return rows[0]?.pid;
    };
    const first = await holder();
    await database.pool.query('SELECT pg_terminate_backend($1)', [first]);
    await expect.poll(async () => ![first, undefined].includes(await holder())).toBe(true);
    await expect.poll(() => deadNames(database.pool, ['prover-d'])).toEqual([]);
    await release();
  });
});

it('a starting worker takes back the rows of its dead predecessors and of nobody else', async () => {
  const version = PROVER_PROTOCOL_VERSION;
  const { pool } = database;
  for (const batch of [1, 2, 3, 4]) await insertBatch(pool, { batch, chainId: 0, version });
  const alive = await holdName(database.url, 'witness-generator-alive');
  for (const podName of ['witness-generator-dead', 'witness-generator-alive', 'other-dead', 'witness-generator-new']) {
    await pickBasicJob(pool, { version, podName });
  }
  const requeued = await requeueOwnDead({ pool, podName: 'witness-generator-new', log }, 'witness-generator', {
    basic: 5,
  });
  expect(requeued.map((row) => row.pickedBy).sort()).toEqual(['witness-generator-dead', 'witness-generator-new']);
  const { rows } = await pool.query(
    "SELECT picked_by FROM witness_inputs_fri WHERE status = 'in_progress' ORDER BY picked_by",
  );
  expect(rows).toEqual([{ picked_by: 'other-dead' }, { picked_by: 'witness-generator-alive' }]);
  await alive.release();
});
