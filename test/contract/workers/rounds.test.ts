import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { createBb } from '../../../proving/bb.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { solveWitness } from '../../../proving/noir.ts';
import { openPoseidon2, type Poseidon2 } from '../../../proving/poseidon2.ts';
import { compress } from '../../../systems/zksync/components/compressor/compress.ts';
import { type RoundContext, runRound } from '../../../systems/zksync/components/witness-generator/rounds.ts';
import { CIRCUIT, PROOF, readBlob, writeBlob } from '../../../systems/zksync/components/workers/blobs.ts';
import { createHasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { decodeProofFile } from '../../../systems/zksync/protocol/bundle/proof-file.ts';
import { type CircuitName, CRS_POINTS } from '../../../systems/zksync/protocol/circuits.ts';
import { type Aggregation, PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import { makeKeys } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { insertBatch } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { type ProverJob, WITNESS_KINDS } from '../../../systems/zksync/protocol/prover-db/jobs.ts';
import { moveReadyJobs } from '../../../systems/zksync/protocol/prover-db/monitor.ts';
import { pickCompressionJob, pickProverJob, pickWitnessJob } from '../../../systems/zksync/protocol/prover-db/pick.ts';
import { saveProof } from '../../../systems/zksync/protocol/prover-db/save.ts';
import {
  circuitKey,
  proofKey,
  proverFinalProofKey,
  witnessInputKey,
} from '../../../systems/zksync/protocol/store/keys.ts';
import { getObject, openObjectStore, putObject } from '../../../systems/zksync/protocol/store/object-store.ts';
import { encodeWitnessInput } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';
import { makeBatch } from './batch.ts';
import { insertVersionOf } from './devnet.ts';

/** 66 L1MessagesHasher circuits: nine leaves, two nodes, one node above them. */
const MESSAGES = 460;
const PICKER = { version: PROVER_PROTOCOL_VERSION, podName: 'test' };
const PROOF_BYTES = 13_120;

let postgres: TestPostgres;
let poseidon2: Poseidon2;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-rounds-'));
  postgres = await startPostgres();
  poseidon2 = await openPoseidon2();
});
afterAll(async () => {
  poseidon2[Symbol.dispose]();
  await postgres[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

async function openContext(database: TestDatabase, aggregation: Aggregation) {
  const crs = await ensureCrs({ crs: 'dev', points: CRS_POINTS.linked.keys, cacheDir: cacheDir() });
  const bb = createBb({ crs, cacheDir: cacheDir() });
  const keysDir = join(dir, aggregation, 'keys');
  const circuits = await makeKeys({ keysDir, aggregation, crs, bb, cacheDir: cacheDir() });
  await insertVersionOf(database, circuits.snarkWrapperVkHash);
  const none = { bucketBaseUrl: undefined, credentialFilePath: undefined, endpoint: undefined, region: undefined };
  const config = { mode: 'FileBacked' as const, fileBackedBasePath: '.', maxRetries: 1, localMirrorPath: undefined };
  const store = await openObjectStore({ ...config, ...none }, { cwd: join(dir, aggregation) });
  const ctx: RoundContext = { pool: database.pool, store, hasher: createHasher(poseidon2), circuits };
  return { ctx, bb };
}

/** Stands in for the prover: the public inputs are right, the proof is not one. */
async function pretendToProve({ pool, store, circuits }: RoundContext, job: ProverJob): Promise<void> {
  const { batch, chainId, sequence, circuitId, round, depth } = job;
  const blob = await readBlob(store, circuitKey({ batch, chainId, sequence, circuitId, round, depth }), CIRCUIT);
  const { program } = circuits.circuit(blob.circuit as CircuitName);
  const { parameters } = program.abi as { parameters: { name: string; visibility: string }[] };
  const names = parameters.filter((parameter) => parameter.visibility === 'public').map(({ name }) => name);
  const publicInputs = names.map((name) => BigInt(blob.inputs[name] as string));
  const content = { circuit: blob.circuit, publicInputs, proof: new Uint8Array(PROOF_BYTES), children: blob.children };
  const proofBlobUrl = await writeBlob(store, proofKey(job.id, chainId), PROOF, content);
  expect(await saveProof(pool, job, { proofBlobUrl, timeTakenMs: 1 })).toBe(true);
}

/** Runs every component's part in turn until nobody finds anything. */
async function runToCompression(ctx: RoundContext): Promise<void> {
  for (let moved = true; moved; ) {
    moved = (await moveReadyJobs(ctx.pool)).length > 0;
    for (const kind of WITNESS_KINDS) {
      for (;;) {
        const job = await pickWitnessJob(ctx.pool, kind, PICKER);
        if (job === undefined) break;
        moved = true;
        expect(await (await runRound(ctx, job))(1)).toBe(true);
      }
    }
    for (let job = await pickProverJob(ctx.pool, PICKER); job; job = await pickProverJob(ctx.pool, PICKER)) {
      moved = true;
      await pretendToProve(ctx, job);
    }
  }
}

async function queue({ pool, store, hasher }: RoundContext, messages: number): Promise<void> {
  const input = makeBatch(hasher, { batch: 1, chainId: 271, messages });
  await putObject(store, witnessInputKey({ batch: 1, chainId: 0 }), encodeWitnessInput(input));
  await insertBatch(pool, { batch: 1, chainId: 0, version: PROVER_PROTOCOL_VERSION });
}

it('aggregates a batch that needs two levels of nodes into one bundle', { timeout: 120_000 }, async () => {
  await using database = await postgres.proverDatabase();
  const { ctx, bb } = await openContext(database, 'linked');
  const { pool, store, circuits, hasher } = ctx;
  await queue(ctx, MESSAGES);
  await runToCompression(ctx);

  const { rows } = await pool.query<{ r: number; d: number; n: number; final: number }>(
    `SELECT aggregation_round AS r, depth AS d, count(*)::int AS n, count(*) FILTER (WHERE is_node_final_proof)::int AS final
     FROM prover_jobs_fri WHERE status = 'successful' AND circuit_id IN (13, 15) GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  expect(rows).toEqual([
    { r: 0, d: 0, n: 66, final: 0 },
    { r: 1, d: 0, n: 9, final: 0 },
    { r: 2, d: 1, n: 2, final: 0 },
    { r: 2, d: 2, n: 1, final: 1 },
  ]);

  const job = await pickCompressionJob(pool, PICKER);
  const signal = new AbortController().signal;
  const save = await compress({ env: { pool, store }, circuits, hasher, bb, threads: 1, hardSignal: signal }, job!);
  expect(await save(1)).toBe(true);
  const file = await getObject(store, proverFinalProofKey({ batch: 1, chainId: 0 }, PROVER_PROTOCOL_VERSION));
  const { final } = decodeProofFile(file);
  const made = await pool.query<{ n: number }>('SELECT count(*)::int AS n FROM prover_jobs_fri');
  expect(final.proofs.length).toBe(made.rows[0]!.n + 1);
});

it('has a witness for every circuit of a recursive batch with one and two children', { timeout: 120_000 }, async () => {
  await using database = await postgres.proverDatabase();
  const { ctx } = await openContext(database, 'recursive');
  await queue(ctx, 40); // five VM and six L1MessagesHasher circuits, one of the others
  await runToCompression(ctx);
  const keys = (await ctx.store.list('prover_jobs_fri')).filter((key) => !key.includes('BasicCircuits'));
  const solved: Record<string, number> = {};
  for (const key of keys) {
    const { circuit, inputs } = await readBlob(ctx.store, { bucket: 'prover_jobs_fri', key }, CIRCUIT);
    await solveWitness(ctx.circuits.circuit(circuit as CircuitName).program, inputs);
    solved[circuit] = (solved[circuit] ?? 0) + 1;
  }
  expect(solved).toEqual({ leaf_1: 3, leaf_2: 5, node_1: 4, node_2: 4, recursion_tip: 1, scheduler: 1 });
  expect(await pickCompressionJob(ctx.pool, PICKER)).toMatchObject({ batch: 1, chainId: 0 });
});
