import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { poll } from '../../../lib/deadline.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { encodeProofFile } from '../../../systems/zksync/protocol/bundle/proof-file.ts';
import { batchDetails } from '../../../systems/zksync/protocol/core-db/details.ts';
import { queueEthTx } from '../../../systems/zksync/protocol/core-db/eth-txs.ts';
import { expectedBatch } from '../../../systems/zksync/protocol/core-db/expected.ts';
import { saveProofArtifact } from '../../../systems/zksync/protocol/core-db/proof-generation.ts';
import { makeKeys } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { publicClient } from '../../../systems/zksync/protocol/l1/clients.ts';
import { verifierFor } from '../../../systems/zksync/protocol/l1/compile-verifier.ts';
import { deployContracts, fundWallets } from '../../../systems/zksync/protocol/l1/deploy.ts';
import { l1Genesis } from '../../../systems/zksync/protocol/l1/genesis.ts';
import { checkProofOnL1, encodeProve, readBatch } from '../../../systems/zksync/protocol/l1/rollup.ts';
import { localhostWallets } from '../../../systems/zksync/protocol/l1/wallets.ts';
import { coreFinalProofKey } from '../../../systems/zksync/protocol/store/keys.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { type Forger, openForger } from '../contracts/forged.ts';
import { include, signer } from './accounts.ts';
import {
  CHAIN_ID,
  CORE_COMPONENTS,
  createChain,
  type DevChain,
  type RunningServer,
  startAnvil,
  type TestAnvil,
  VERSION,
} from './devchain.ts';

const signal = new AbortController().signal;
const wallets = localhostWallets(1);
const account = signer(2);
const WAIT = { intervalMs: 20, timeoutMs: 30_000, signal };

let postgres: TestPostgres;
let l1: TestAnvil;
let chain: DevChain;
let server: RunningServer;
let forger: Forger;
let rollup: Hex;

const client = () => publicClient({ rpcUrl: l1.url, chainId: 9 });
const start = () => chain.start(`${CORE_COMPONENTS},eth`);

/** The tests share one chain and run in order. */
beforeAll(async () => {
  postgres = await startPostgres();
  l1 = await startAnvil(l1Genesis().anvilArgs);
  chain = await createChain(postgres, { l1RpcUrl: l1.url });
  forger = await openForger(chain.dir);
  const { circuitSet, bb } = forger;
  const crs = await ensureCrs({ crs: 'dev', points: 1024, cacheDir: chain.dir });
  const keysDir = join(chain.dir, 'prover/data/keys');
  await makeKeys({ keysDir, aggregation: 'linked', crs, bb, cacheDir: chain.dir });
  await fundWallets({ rpcUrl: l1.url, addresses: Object.values(wallets).map((w) => w.address), signal });
  const deployed = await deployContracts({
    ...{ rpcUrl: l1.url, wallets, chainId: CHAIN_ID, version: VERSION, circuitSet, signal },
    verifier: await verifierFor({ circuitSet, bb, cacheDir: chain.dir, signal }),
    genesis: { root: chain.genesisRoot, nextIndex: chain.genesisNextIndex },
  });
  rollup = deployed.rollup;
  await writeFile(join(chain.dir, 'contractsPath.yaml'), stringify({ l1: { diamond_proxy_addr: rollup } }));
  server = start();
  await server.ready;
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await chain?.[Symbol.asyncDispose]();
  await l1?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

async function seal(): Promise<number> {
  await include(chain.api, [await account.sign({ to: '0x00000000000000000000000000000000000000aa', value: 1n })]);
  return chain.api<number>('devkit_sealBatch');
}

const details = (batch: number) => batchDetails(chain.pool, batch);
const until = <K extends 'committedAt' | 'executedAt' | 'proofError'>(batch: number, field: K) =>
  poll(async () => (await details(batch))?.[field] ?? undefined, WAIT);

async function forgedProof(batch: number) {
  const expected = await expectedBatch(chain.pool, batch, CHAIN_ID);
  return forger.forge({ ...expected, number: batch });
}

test('a sealed batch is committed on L1 with its root and messages', async () => {
  expect(await seal()).toBe(1);
  await until(1, 'committedAt');
  const expected = await expectedBatch(chain.pool, 1, CHAIN_ID);
  const onL1 = await readBatch(client(), rollup, 1n);
  expect(onL1).toMatchObject({ root: expected.newRoot, records: expected.records, state: 'committed' });
  expect(BigInt(onL1!.messagesHash)).toBe(expected.messagesHash);
});

test('a proof that L1 would accept does not go there when the bundle check rejects it', async () => {
  const { bytes, publicInputs } = await forgedProof(1);
  const file = encodeProofFile(
    { aggregation: 'linked', proofs: [{ circuit: 'compressor', publicInputs, children: 0, proof: bytes }] },
    VERSION,
  );
  const { bucket, key } = coreFinalProofKey(1, VERSION);
  await writeFile(join(chain.dir, 'artifacts', bucket, key), file);
  await saveProofArtifact(chain.pool, 1, key);
  expect(await until(1, 'proofError')).toMatch(/the proof of batch 1 is not valid and does not go to L1: /);
  expect(await checkProofOnL1(client(), rollup, { number: 1n, proof: bytes, publicInputs })).toEqual({
    accepted: true,
  });
  expect(await readBatch(client(), rollup, 1n)).toMatchObject({ state: 'committed' });
});

test('a proven batch is executed', async () => {
  const { bytes, publicInputs } = await forgedProof(1);
  const data = encodeProve(1n, bytes, publicInputs);
  const from = wallets.prove_operator.address;
  await queueEthTx(chain.pool, { type: 'PublishProofBlocksOnchain', batch: 1, from, to: rollup, data });
  await until(1, 'executedAt');
  expect(await readBatch(client(), rollup, 1n)).toMatchObject({ state: 'executed' });
  expect(await chain.api('zks_getL1BatchDetails', [1])).toMatchObject({ status: 'verified' });
});

test('a restart that finds a transaction sent but not confirmed does not send it again', async () => {
  await server[Symbol.asyncDispose]();
  const nonce = await client().getTransactionCount({ address: wallets.operator.address });
  await chain.pool.query(`UPDATE eth_txs SET confirmed_eth_tx_history_id = NULL WHERE tx_type = 'CommitBlocks'`);
  server = start();
  await server.ready;
  await poll(async () => {
    const { rows } = await chain.pool.query('SELECT 1 FROM eth_txs WHERE confirmed_eth_tx_history_id IS NULL');
    return rows.length === 0 || undefined;
  }, WAIT);
  expect(await client().getTransactionCount({ address: wallets.operator.address })).toBe(nonce);
});

test('rows that lost a transaction take it over from L1', async () => {
  await server[Symbol.asyncDispose]();
  const nonce = await client().getTransactionCount({ address: wallets.operator.address });
  const { commitTxHash } = (await details(1))!;
  await chain.pool.query(`DELETE FROM eth_txs WHERE tx_type = 'CommitBlocks'`);
  server = start();
  await server.ready;
  await until(1, 'committedAt');
  expect((await details(1))?.commitTxHash).toBe(commitTxHash);
  expect(await client().getTransactionCount({ address: wallets.operator.address })).toBe(nonce);
});

test('a batch is committed again when L1 lost it', async () => {
  const snapshot = await l1.rpc('evm_snapshot');
  expect(await seal()).toBe(2);
  await until(2, 'committedAt');
  await l1.rpc('evm_revert', [snapshot]);
  expect(await readBatch(client(), rollup, 2n)).toBeUndefined();
  const batch = await poll(() => readBatch(client(), rollup, 2n), WAIT);
  expect(batch.state).toBe('committed');
  await until(2, 'committedAt');
});
