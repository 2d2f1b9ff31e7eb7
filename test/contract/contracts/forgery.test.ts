import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBb } from '../../../proving/bb.ts';
import { DEV_CRS_ID } from '../../../proving/crs/dev.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { openPoseidon2, type Poseidon2 } from '../../../proving/poseidon2.ts';
import { createHasher, fieldHex, TAG } from '../../../systems/zksync/protocol/batch/hash.ts';
import { netWrites } from '../../../systems/zksync/protocol/batch/log.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { type BasicPlan, planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import { checkFinalProof } from '../../../systems/zksync/protocol/bundle/check.ts';
import { BASE_CIRCUIT_IDS } from '../../../systems/zksync/protocol/ids.ts';
import { circuitSetOf } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { committedCircuits } from '../../../systems/zksync/protocol/keys/make-keys.ts';
import { publicClient, walletClient } from '../../../systems/zksync/protocol/l1/clients.ts';
import { verifierFor } from '../../../systems/zksync/protocol/l1/compile-verifier.ts';
import { deployContracts } from '../../../systems/zksync/protocol/l1/deploy.ts';
import { l1Genesis } from '../../../systems/zksync/protocol/l1/genesis.ts';
import { encodeCommit, encodeProve, readBatch, sendToRollup } from '../../../systems/zksync/protocol/l1/rollup.ts';
import { localhostWallets } from '../../../systems/zksync/protocol/l1/wallets.ts';
import { assembleFinalProof, type BatchProofs, type KindProofs } from '../../unit/batch/assemble.ts';
import { BEFORE, MESSAGES, RECORDS, witnessInput } from '../../unit/batch/sample.ts';
import { aggregate, expectedOf, type Prover, VERSION } from '../circuits/pipeline.ts';
import { type Anvil, startAnvil } from './anvil.ts';

const signal = new AbortController().signal;
/** The state that the forger would like to have. */
const FORGED_ROOT = 0xbadn;

let dir: string;
let anvil: Anvil;
let poseidon2: Poseidon2;
let prover: Prover;
let plan: BasicPlan;
let proofs: BatchProofs;

/** An honest plan whose last tree state is replaced by the forger's, everything that hangs on it included. */
function forgedPlan(): BasicPlan {
  const { hasher } = prover;
  const tree = createTree(hasher);
  tree.apply(netWrites(hasher, BEFORE));
  const honest = planBasic(hasher, witnessInput(hasher, tree, RECORDS, MESSAGES));
  const scheduler = { ...honest.scheduler, new_root: fieldHex(FORGED_ROOT) };
  const end = hasher.hash(TAG.stateApplicator, [
    FORGED_ROOT,
    BigInt(scheduler.new_next_index),
    BigInt(scheduler.net_queue),
  ]);
  const last = honest.instances.findLast((instance) => instance.circuitId === 10);
  return { scheduler, instances: honest.instances.map((one) => (one === last ? { ...one, end } : one)) };
}

/** In place of base proofs: public values that link, and the same bytes for all. */
const fakeBase = (proof: Uint8Array): KindProofs[] =>
  BASE_CIRCUIT_IDS.map((circuitId) => ({
    circuitId,
    base: plan.instances
      .filter((instance) => instance.circuitId === circuitId)
      .map(({ name, start, end }) => ({ circuit: name, publicInputs: [start, end], proof })),
    leaves: [],
    nodes: [],
  }));

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'contracts-'));
  poseidon2 = await openPoseidon2();
  const circuits = await committedCircuits('linked', DEV_CRS_ID);
  if (!circuits) throw new Error('no committed keys of the linked circuits');
  const set = await circuitSetOf('linked', DEV_CRS_ID, circuits);
  // enough for the circuits above the base ones
  const crs = await ensureCrs({ crs: 'dev', points: 8192, cacheDir: dir });
  prover = { hasher: createHasher(poseidon2), set, bb: createBb({ crs, cacheDir: dir }), threads: 2 };
  plan = forgedPlan();
  proofs = await aggregate(prover, plan, fakeBase(new Uint8Array(13_120)));
  anvil = await startAnvil(l1Genesis().anvilArgs);
});

afterAll(async () => {
  poseidon2?.[Symbol.dispose]();
  await anvil?.stop();
  await rm(dir, { recursive: true });
});

test('L1 accepts a linked final proof that has no valid proof below it', async () => {
  const wallets = localhostWallets(0);
  const { rollup } = await deployContracts({
    ...{ rpcUrl: anvil.rpcUrl, wallets, chainId: 271, version: VERSION, circuitSet: prover.set, signal },
    verifier: await verifierFor({ circuitSet: prover.set, bb: prover.bb, cacheDir: dir, signal }),
    genesis: { root: BigInt(plan.scheduler.old_root), nextIndex: plan.scheduler.old_next_index },
  });
  const client = publicClient({ rpcUrl: anvil.rpcUrl, chainId: 9 });
  const send = (key: `0x${string}`, data: `0x${string}`) =>
    sendToRollup({ client, wallet: walletClient({ rpcUrl: anvil.rpcUrl, chainId: 9 }, key) }, rollup, data);
  const newNextIndex = BigInt(plan.scheduler.new_next_index);
  const batch = { number: 1n, timestamp: 1n, newRoot: FORGED_ROOT, newNextIndex, records: RECORDS.length };
  await send(
    wallets.operator.private_key,
    encodeCommit({ ...batch, messages: MESSAGES, commitment: `0x${'00'.repeat(32)}` }),
  );
  const { compressor } = proofs;
  await send(wallets.prove_operator.private_key, encodeProve(1n, compressor.proof, compressor.publicInputs));
  expect((await readBatch(client, rollup, 1n))?.state).toBe('verified');
});

const verdictOn = async (base: Uint8Array) => {
  const { hasher, set, bb } = prover;
  const kinds = fakeBase(base).map((kind, i) => ({ ...proofs.kinds[i]!, base: kind.base }));
  const context = { circuitSet: set, hasher, expected: expectedOf(plan), verify: bb.verify, signal };
  return await checkFinalProof(assembleFinalProof({ ...proofs, kinds }), context);
};
const rejected = { verdict: 'rejected', reason: expect.stringContaining('vm') };

test('the check of the bundle rejects it with the proof of another circuit in every place', async () => {
  expect(await verdictOn(proofs.tip.proof)).toMatchObject(rejected);
});

test('the check of the bundle rejects it with zeros in place of proofs', async () => {
  expect(await verdictOn(new Uint8Array(13_120))).toMatchObject(rejected);
});
