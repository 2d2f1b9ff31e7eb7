import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poll } from '../../../lib/deadline.ts';
import { PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import { insertBatch } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { encodeCbor } from '../../../systems/zksync/protocol/wire/cbor.ts';
import { encodeWitnessInput, witnessInputToPlain } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { makeBatch } from './batch.ts';
import { insertVersionOf, type ProverDevnet, startDevnet } from './devnet.ts';

const CHAIN = 271;
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
});

const until = <T>(fn: () => Promise<T | undefined>): Promise<T> =>
  poll(fn, { intervalMs: 30, signal: AbortSignal.timeout(55_000) });

const logged = (component: { log(): Promise<string> }, text: string) =>
  until(async () => ((await component.log()).includes(text) ? true : undefined));

/** Queues a batch under `chainId` and gives status and error once the witness generator is done with it. */
async function outcome(net: ProverDevnet, batch: number, file: Uint8Array | undefined, chainId = 0) {
  if (file !== undefined) await writeFile(join(net.store, 'witness_inputs', `witness_inputs_${batch}.cbor`), file);
  await insertBatch(net.database.pool, { batch, chainId, version: PROVER_PROTOCOL_VERSION });
  return until(async () => {
    const { rows } = await net.database.pool.query<{ status: string; error: string | null }>(
      'SELECT status, error FROM witness_inputs_fri WHERE l1_batch_number = $1',
      [batch],
    );
    return ['successful', 'failed'].includes(rows[0]?.status ?? '') ? rows[0] : undefined;
  });
}

describe('witness files that cannot be used', () => {
  let net: ProverDevnet;
  beforeAll(async () => {
    net = await startDevnet(postgres);
    net.start('witness-generator', '--round=basic_circuits');
  });
  afterAll(async () => {
    await net[Symbol.asyncDispose]();
  });
  const good = (batch: number) => makeBatch(net.hasher, { batch, chainId: CHAIN });

  it('fails the row when the file is missing', async () => {
    const row = await outcome(net, 1, undefined);
    expect(row.status).toBe('failed');
    expect(row.error).toMatch(/^there is no witness_inputs_1\.cbor in .*\/witness_inputs: put it there/);
  });

  it('fails the row when the file is truncated', async () => {
    const row = await outcome(net, 2, encodeWitnessInput(good(2)).subarray(0, 5000));
    expect(row.status).toBe('failed');
    expect(row.error).toMatch(/\/witness_inputs_2\.cbor: not CBOR/);
  });

  it('fails the row when the file is of another batch', async () => {
    const row = await outcome(net, 3, encodeWitnessInput(good(4)));
    expect(row.status).toBe('failed');
    expect(row.error).toContain('witness_inputs_3.cbor: it is the witness input of batch 4, not of batch 3');
  });

  it('fails the row when the file is of another chain', async () => {
    const row = await outcome(net, 5, encodeWitnessInput(good(5)), 272);
    expect(row.status).toBe('failed');
    expect(row.error).toContain('witness_inputs_5.cbor: it is of chain 271, not of chain 272');
  });

  it('fails the row when EraVM made the file', async () => {
    const plain = witnessInputToPlain(good(6), 'cbor');
    delete (plain.vm_run_data as Record<string, unknown>).devkit;
    const row = await outcome(net, 6, encodeCbor(plain));
    expect(row.status).toBe('failed');
    expect(row.error).toContain('executed by EraVM: use --variant upstream');
  });

  it('fails the row when the file was made under another protocol version', async () => {
    const input = good(7);
    input.vmRunData.protocolVersion = 30;
    const row = await outcome(net, 7, encodeWitnessInput(input));
    expect(row.status).toBe('failed');
    expect(row.error).toContain('witness_inputs_7.cbor: it was made under protocol version 30, the row says 0.31.0');
  });

  it('fails the row when a Merkle path was changed', async () => {
    const input = good(8);
    input.merklePaths.merklePaths[0]!.merklePaths[3]! += 1n;
    const row = await outcome(net, 8, encodeWitnessInput(input));
    expect(row.status).toBe('failed');
    expect(row.error).toContain('witness_inputs_8.cbor: Merkle path 0');
  });

  it('tries none of them again by itself', async () => {
    const { rows } = await net.database.pool.query<{ error: string }>(
      "SELECT error FROM witness_inputs_fri WHERE status = 'failed'",
    );
    expect(rows).toHaveLength(7);
    for (const { error } of rows) expect(error).toMatch(/ \(not tried again\)$/);
  });

  it('goes on with the next batch', async () => {
    expect(await outcome(net, 9, encodeWitnessInput(good(9)), CHAIN)).toEqual({ status: 'successful', error: null });
  });
});

describe('start of the workers', () => {
  it('waits for the version row, saying so, and goes on when it is there', async () => {
    await using net = await startDevnet(postgres, { version: false });
    const generator = net.start('witness-generator', '--all_rounds');
    await logged(generator, 'waiting for protocol version 0.31.0 in the prover database');
    await insertVersionOf(net.database, net.circuits.snarkWrapperVkHash);
    await logged(generator, '"ready"');
    generator.process.kill('SIGTERM');
    expect(await generator.ended).toBe(0);
  });

  it('ends when the keys are not those of the version row', async () => {
    await using net = await startDevnet(postgres, { version: false });
    await insertVersionOf(net.database, `0x${'11'.repeat(32)}`);
    const generator = net.start('witness-generator', '--all_rounds');
    const compressor = net.start('compressor');
    expect(await generator.ended).toBe(2);
    expect(await compressor.ended).toBe(2);
    expect(await generator.log()).toContain(`the database says 0x${'11'.repeat(32)}`);
    expect(await compressor.log()).toContain(`the local keys have wrapper hash ${net.circuits.snarkWrapperVkHash}`);
  });

  it('waits for keys', async () => {
    await using net = await startDevnet(postgres);
    await rm(join(net.dir, 'data/keys'), { recursive: true });
    const prover = net.start('circuit-prover');
    await logged(prover, 'make them with: devkit prover setup-keys');
    prover.process.kill('SIGINT');
    expect(await prover.ended).toBe(0);
  });

  it('refuses FFLONK', async () => {
    await using net = await startDevnet(postgres);
    const compressor = net.start('compressor', '--fflonk=true');
    expect(await compressor.ended).toBe(2);
    expect(await compressor.log()).toContain('the reference compressor has no FFLONK wrapper');
  });
});
