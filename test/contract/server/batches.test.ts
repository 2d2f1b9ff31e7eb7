import { afterAll, beforeAll, expect, test } from 'vitest';
import { poll } from '../../../lib/deadline.ts';
import { loadWitnessInput } from '../../../systems/zksync/components/server/proofs/witness-input.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import { batchHeader } from '../../../systems/zksync/protocol/core-db/batches.ts';
import { expectedBatch } from '../../../systems/zksync/protocol/core-db/expected.ts';
import { storedLeaves } from '../../../systems/zksync/protocol/core-db/genesis.ts';
import { richWallets } from '../../../systems/zksync/protocol/l1/genesis.ts';
import { sendTraffic } from '../../../systems/zksync/protocol/l2/traffic.ts';
import { openObjectStore } from '../../../systems/zksync/protocol/store/object-store.ts';
import { decodeWitnessInput, encodeWitnessInput } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { deployCode, include, STORE_CODE, signer, storeCall, VANISH_INIT } from './accounts.ts';
import { CHAIN_ID, createChain, type DevChain, type RunningServer } from './devchain.ts';
import { stateByTreeKey } from './state.ts';

const signal = new AbortController().signal;
let postgres: TestPostgres;
let chain: DevChain;
let server: RunningServer;

/** The tests share one chain and run in order. */
beforeAll(async () => {
  postgres = await startPostgres();
  chain = await createChain(postgres);
  server = chain.start();
  await server.ready;
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await chain?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

const rootOf = (batch: number): Promise<bigint> =>
  poll(async () => (await batchHeader(chain.pool, batch))?.root, { intervalMs: 10, timeoutMs: 20_000, signal });

async function treeMatchesNode(): Promise<void> {
  const leaves = await storedLeaves(chain.pool);
  const stored = new Map(leaves.filter(({ value }) => value !== 0n).map(({ key, value }) => [key, value]));
  expect(stored).toEqual(await stateByTreeKey(chain.l2.rpc, chain.hasher));
}

test('the genesis tree is the state of block 0', async () => {
  await treeMatchesNode();
});

test('the root of a sealed batch is that of the state the node has', async () => {
  await sendTraffic({
    ...{ slots: 12, overwrites: 4, messages: 2, transfers: 2 },
    rpcUrl: `http://127.0.0.1:${chain.ports.api}`,
    privateKey: richWallets()[3]!.private_key,
    signal,
  });
  expect(await chain.api('devkit_sealBatch')).toBe(1);
  const root = await rootOf(1);
  await treeMatchesNode();
  expect(createTree(chain.hasher, { leaves: await storedLeaves(chain.pool) }).root).toBe(root);
});

test('cleared slots, tips, failed calls and contracts that vanish leave the tree equal to the state', async () => {
  const { sign, address } = signer(4);
  const [deployed] = await include(chain.api, [await sign({ data: deployCode(STORE_CODE), tip: 7n })]);
  const to = deployed!.contractAddress!;
  const receipts = await include(chain.api, [
    await sign({ to, data: storeCall(1n, 5n) }),
    await sign({ to, data: storeCall(2n, 6n), tip: 1n }),
    await sign({ to, data: storeCall(1n, 0n) }),
    await sign({ data: VANISH_INIT, value: 9n }),
    await sign({ to: address, value: 1n }),
    // out of gas
    await sign({ to, data: storeCall(3n, 1n), gas: 22_000n, tip: 3n }),
  ]);
  expect(receipts.map(({ status }) => status)).toEqual(['0x1', '0x1', '0x1', '0x1', '0x1', '0x0']);
  expect(await chain.api('devkit_sealBatch')).toBe(2);
  await rootOf(2);
  await treeMatchesNode();
});

test('the witness input of a batch is accepted by the planning of the prover', async () => {
  const store = await openObjectStore({ mode: 'FileBacked', fileBackedBasePath: 'artifacts' } as never, {
    cwd: chain.dir,
  });
  for (const batch of [1, 2]) {
    const expected = await expectedBatch(chain.pool, batch, CHAIN_ID);
    const input = await poll(() => loadWitnessInput({ pool: chain.pool, store }, batch).catch(() => undefined), {
      ...{ intervalMs: 20, timeoutMs: 20_000, signal },
    });
    const { scheduler } = planBasic(chain.hasher, decodeWitnessInput(encodeWitnessInput(input)));
    expect(BigInt(scheduler.old_root)).toBe(expected.oldRoot);
    expect(BigInt(scheduler.new_root)).toBe(expected.newRoot);
    expect(scheduler.new_next_index).toBe(expected.newNextIndex);
    expect(BigInt(scheduler.messages_hash)).toBe(expected.messagesHash);
    expect([scheduler.records, scheduler.messages]).toEqual([expected.records, expected.messages]);
  }
});

test('a batch is never empty', async () => {
  await expect(chain.api('devkit_sealBatch')).rejects.toThrow('nothing to seal: no transaction since the last batch');
});

test('a slot that is set back counts as protective read', async () => {
  const { rows } = await poll(
    async () => {
      const found = await chain.pool.query('SELECT key FROM protective_reads WHERE l1_batch_number = 2');
      return found.rows.length > 0 ? found : undefined;
    },
    { intervalMs: 20, timeoutMs: 20_000, signal },
  );
  expect(rows.map(({ key }: { key: Buffer }) => BigInt(`0x${key.toString('hex')}`))).toContain(1n);
});

test('a transaction of another chain, of an unknown type, or sent twice is refused with the reason', async () => {
  const { sign } = signer(5);
  const send = (raw: string) => chain.api('eth_sendRawTransaction', [raw]);
  await expect(send(await sign({}, 1))).rejects.toThrow('invalid transaction: chain id 1, this chain has 271');
  await expect(send('0x04aa')).rejects.toThrow('transaction type 0x4 is not supported');
  await expect(send('0x02c0')).rejects.toThrow('invalid transaction');
  const raw = await signer(5).sign({ to: '0x00000000000000000000000000000000000000aa' });
  await include(chain.api, [raw]);
  await expect(send(raw)).rejects.toThrow('already known');
});

test('what the pool refuses leaves no row', async () => {
  const { sign } = signer(6);
  const raw = await sign({ to: '0x00000000000000000000000000000000000000aa', value: 10n ** 40n });
  await expect(chain.api('eth_sendRawTransaction', [raw])).rejects.toThrow(/insufficient funds/i);
  const { rows } = await chain.pool.query('SELECT 1 FROM transactions WHERE miniblock_number IS NULL');
  expect(rows).toEqual([]);
});

test('batch and block details have the shapes of the reference API', async () => {
  const batch = await chain.api<Record<string, unknown>>('zks_getL1BatchDetails', [1]);
  expect(batch).toMatchObject({ number: 1, status: 'sealed', l1TxCount: 0, executedAt: null, commitTxHash: null });
  const range = await chain.api<string[]>('zks_getL1BatchBlockRange', [1]);
  const block = await chain.api('zks_getBlockDetails', [Number(range[1])]);
  expect(block).toMatchObject({ l1BatchNumber: 1, status: 'sealed', protocolVersion: 'Version31' });
  expect(await chain.api('zks_getL1BatchDetails', [99])).toBeNull();
  expect(await chain.api('zks_L1BatchNumber')).toBe('0x2');
  expect(await chain.api('zks_L1ChainId')).toBe('0x9');
});

test('methods that change the node are not passed on', async () => {
  for (const method of ['evm_mine', 'anvil_reset', 'anvil_setBalance', 'eth_sendTransaction', 'txpool_status']) {
    await expect(chain.api(method)).rejects.toMatchObject({ code: -32601 });
  }
  expect(await chain.api('eth_chainId')).toBe('0x10f');
});

test('health names every component and is 200 once they work', async () => {
  const answer = await fetch(`http://127.0.0.1:${chain.ports.health}/health`);
  expect(answer.status).toBe(200);
  const body = (await answer.json()) as { status: string; components: Record<string, { status: string }> };
  expect(body.status).toBe('ready');
  expect(Object.keys(body.components)).toContain('state_keeper');
});
