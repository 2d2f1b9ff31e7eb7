import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { keccak256, stringToHex } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { anvilGenesisState } from '../../../cli/core/infrastructure.ts';
import { richWallets } from '../../../systems/zksync/protocol/l1/genesis.ts';
import { L1_MESSENGER_ADDRESS, l2Genesis } from '../../../systems/zksync/protocol/l2/genesis.ts';
import {
  sendTraffic,
  sendTransaction,
  type TrafficResult,
  TransactionError,
} from '../../../systems/zksync/protocol/l2/traffic.ts';
import { type Anvil, startAnvil } from './anvil.ts';

const signal = new AbortController().signal;
const genesis = l2Genesis({ chainId: 271 });
const privateKey = richWallets()[0]!.private_key;
/** Blocks as soon as there is a transaction: here nobody asks for them. */
const automine = genesis.anvilArgs.filter((arg) => arg !== '--no-mining');

let dir: string;
let anvil: Anvil;
let result: TrafficResult;

async function startL2(args: string[]): Promise<Anvil> {
  const file = join(dir, `state-${Math.random()}.json`);
  await writeFile(file, JSON.stringify(anvilGenesisState(genesis.anvilGenesis.alloc)));
  return await startAnvil([...args, '--state', file]);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'contracts-'));
  anvil = await startL2(automine);
  result = await sendTraffic({
    ...{ rpcUrl: anvil.rpcUrl, privateKey, pollingMs: 10, signal },
    ...{ slots: 32, overwrites: 8, messages: 3, transfers: 1 },
  });
});

afterAll(async () => {
  await anvil?.stop();
  await rm(dir, { recursive: true });
});

interface Account {
  balance?: string;
  nonce?: number;
  storage?: Record<string, string>;
}

async function stateDiffs(): Promise<{ pre: Record<string, Account>; post: Record<string, Account> }[]> {
  const tracer = { tracer: 'prestateTracer', tracerConfig: { diffMode: true } };
  return await Promise.all(
    result.txs.map(async ({ hash }) => (await anvil.call('debug_traceTransaction', hash, tracer)) as never),
  );
}

test('traffic writes the number of distinct slots asked for', async () => {
  const diffs = await stateDiffs();
  const written = new Set(diffs.flatMap(({ post }) => Object.keys(post[result.contract]?.storage ?? {})));
  expect(written.size).toBe(32);
});

test('traffic overwrites slots that an earlier transaction wrote', async () => {
  const diffs = await stateDiffs();
  const overwritten = new Set(diffs.flatMap(({ pre }) => Object.keys(pre[result.contract]?.storage ?? {})));
  expect(overwritten.size).toBe(8);
});

test('traffic changes few accounts: the sender, the contract, the receivers', async () => {
  const diffs = await stateDiffs();
  const accounts = new Set(diffs.flatMap(({ pre, post }) => [...Object.keys(pre), ...Object.keys(post)]));
  expect(accounts.size).toBe(3);
});

test('messages of traffic leave the messenger with their hash', async () => {
  const logs = (await anvil.call('eth_getLogs', { fromBlock: '0x0', address: L1_MESSENGER_ADDRESS })) as {
    topics: string[];
  }[];
  expect(logs.map((log) => log.topics[2])).toEqual([0, 1, 2].map((i) => keccak256(stringToHex(`message ${i} of 0`))));
});

test('a contract of an earlier call is used again', async () => {
  const again = await sendTraffic({
    ...{ rpcUrl: anvil.rpcUrl, privateKey, pollingMs: 10, signal, contract: result.contract },
    ...{ slots: 2, overwrites: 0, messages: 0, transfers: 0, seed: 1 },
  });
  expect(again.txs.map((tx) => tx.what)).toEqual(['write 2 slots']);
});

test('a transaction that reverts is an error that names it', async () => {
  const to = result.contract;
  await expect(sendTransaction({ rpcUrl: anvil.rpcUrl, privateKey, to, data: '0xdeadbeef', signal })).rejects.toThrow(
    TransactionError,
  );
});

test('genesis holds the rich accounts and the messenger, and nothing else', async () => {
  await using fresh = await startL2(genesis.anvilArgs);
  for (const account of genesis.accounts) {
    expect(BigInt((await fresh.call('eth_getBalance', account.address, 'latest')) as string)).toBe(account.balance);
    expect(await fresh.call('eth_getCode', account.address, 'latest')).toBe(account.code ?? '0x');
  }
  expect(await fresh.call('eth_chainId')).toBe('0x10f');
  const dump = gunzipSync(Buffer.from(((await fresh.call('anvil_dumpState')) as string).slice(2), 'hex'));
  const accounts = Object.keys((JSON.parse(dump.toString()) as { accounts: object }).accounts);
  expect(accounts.sort()).toEqual(genesis.accounts.map((account) => account.address).sort());
});

test('the geth-style genesis gives the same accounts', async () => {
  const file = join(dir, 'genesis.json');
  await writeFile(file, JSON.stringify(genesis.anvilGenesis));
  await using fresh = await startAnvil(['--init', file, ...genesis.anvilArgs]);
  for (const account of genesis.accounts) {
    expect(BigInt((await fresh.call('eth_getBalance', account.address, 'latest')) as string)).toBe(account.balance);
    expect(await fresh.call('eth_getCode', account.address, 'latest')).toBe(account.code ?? '0x');
  }
});

interface Block {
  hash: string;
  timestamp: string;
  transactions: string[];
}

test('raw transactions and block times give the same blocks on another node', async () => {
  await using replica = await startL2(genesis.anvilArgs);
  const last = Number(await anvil.call('eth_blockNumber'));
  for (let number = 1; number <= last; number += 1) {
    const tag = `0x${number.toString(16)}`;
    const block = (await anvil.call('eth_getBlockByNumber', tag, false)) as Block;
    for (const hash of block.transactions)
      await replica.call('eth_sendRawTransaction', await anvil.call('eth_getRawTransactionByHash', hash));
    await replica.call('evm_setNextBlockTimestamp', block.timestamp);
    await replica.call('evm_mine');
    const copy = (await replica.call('eth_getBlockByNumber', tag, false)) as Block;
    expect(copy.hash).toBe(block.hash);
  }
});
