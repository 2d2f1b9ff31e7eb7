import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Proof } from '../../../proving/types.ts';
import type { Message } from '../../../systems/zksync/protocol/batch/log.ts';
import { PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import { publicClient, walletClient } from '../../../systems/zksync/protocol/l1/clients.ts';
import { verifierFor } from '../../../systems/zksync/protocol/l1/compile-verifier.ts';
import {
  type DeployedContracts,
  type DeployOptions,
  deployContracts,
  fundWallets,
  WALLET_FUNDING,
} from '../../../systems/zksync/protocol/l1/deploy.ts';
import { l1Genesis } from '../../../systems/zksync/protocol/l1/genesis.ts';
import {
  type CommitArgs,
  checkProofOnL1,
  encodeCommit,
  encodeExecute,
  encodeMessages,
  encodeProve,
  readBatch,
  readRollup,
  sendToRollup,
} from '../../../systems/zksync/protocol/l1/rollup.ts';
import { localhostWallets, randomWallets, type WalletName } from '../../../systems/zksync/protocol/l1/wallets.ts';
import { type Anvil, startAnvil } from './anvil.ts';
import { type Forger, openForger } from './forged.ts';

const signal = new AbortController().signal;
const wallets = localhostWallets(1);
const GENESIS = { root: 1234n, nextIndex: 24 };
const MESSAGES: Message[] = [
  { tx: 1, sender: 0x8008n, word: 5n },
  { tx: 2, sender: 0xabcn, word: (1n << 256n) - 1n },
];

let dir: string;
let anvil: Anvil;
let forger: Forger;
let deployment: DeployOptions;
let deployed: DeployedContracts;
let proof: Proof;

const first: CommitArgs = {
  ...{ number: 1n, timestamp: 100n, newRoot: 5678n, newNextIndex: 60n, records: 48, messages: MESSAGES },
  commitment: `0x${'11'.repeat(32)}`,
};

const client = () => publicClient({ rpcUrl: anvil.rpcUrl, chainId: 9 });
const send = (who: WalletName, data: `0x${string}`) =>
  sendToRollup(
    { wallet: walletClient({ rpcUrl: anvil.rpcUrl, chainId: 9 }, wallets[who].private_key), client: client() },
    deployed.rollup,
    data,
  );
const commit = (batch: Partial<CommitArgs> = {}, who: WalletName = 'operator') =>
  send(who, encodeCommit({ ...first, ...batch }));
const prove = (change: Partial<Proof> = {}, who: WalletName = 'prove_operator', number = 1n) =>
  send(who, encodeProve(number, change.bytes ?? proof.bytes, change.publicInputs ?? proof.publicInputs));
const execute = (number: bigint, who: WalletName = 'execute_operator') => send(who, encodeExecute(number));

/** The tests below share one chain of batches and run in order. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'contracts-'));
  [anvil, forger] = await Promise.all([startAnvil(l1Genesis().anvilArgs), openForger(dir)]);
  const { circuitSet, bb } = forger;
  deployment = {
    rpcUrl: anvil.rpcUrl,
    wallets,
    chainId: 271,
    version: PROVER_PROTOCOL_VERSION,
    circuitSet,
    verifier: await verifierFor({ circuitSet, bb, cacheDir: dir, signal }),
    genesis: GENESIS,
    signal,
  };
  await fundWallets({ rpcUrl: anvil.rpcUrl, addresses: Object.values(wallets).map((w) => w.address), signal });
  deployed = await deployContracts(deployment);
  const D = createHash('sha256')
    .update(Buffer.from(encodeMessages(MESSAGES).slice(2), 'hex'))
    .digest('hex');
  proof = await forger.forge({
    ...{ chainId: 271, number: 1, version: PROVER_PROTOCOL_VERSION },
    ...{ oldRoot: GENESIS.root, oldNextIndex: GENESIS.nextIndex, newRoot: first.newRoot, newNextIndex: 60 },
    ...{ messagesHash: BigInt(`0x${D}`), records: first.records, messages: MESSAGES.length },
  });
});

afterAll(async () => {
  await anvil?.stop();
  await rm(dir, { recursive: true });
});

test('the rollup says what it was deployed for', async () => {
  const { circuitSet } = forger;
  expect(await readRollup(client(), deployed.rollup)).toMatchObject({
    ...{ chainId: 271n, packedVersion: 31n << 32n, keyset: circuitSet.keyset, aggregation: 'linked', crs: 'dev-1' },
    ...{ verificationKeyHash: circuitSet.snarkWrapperVkHash, committed: 0n, verified: 0n, executed: 0n },
  });
});

test('deploying again uses what is there', async () => {
  const again = await deployContracts({ ...deployment, recorded: deployed });
  expect(again).toEqual({ ...deployed, reused: true });
});

test('deploying with another genesis makes a new rollup', async () => {
  const other = await deployContracts({ ...deployment, recorded: deployed, genesis: { root: 1n, nextIndex: 1 } });
  expect(other.reused).toBe(false);
  expect(other.rollup).not.toBe(deployed.rollup);
});

test('a verifier for another key is not deployed', async () => {
  const verifier = { ...deployment.verifier, vkHash: `0x${'22'.repeat(32)}` as const };
  await expect(deployContracts({ ...deployment, verifier })).rejects.toThrow(/verifier contract is for key/);
});

test('only the operator commits', async () => {
  await expect(commit({}, 'governor')).rejects.toThrow(/refuses sender/);
});

test('a batch whose predecessor is missing cannot be committed', async () => {
  await expect(commit({ number: 2n })).rejects.toThrow('L1 expects batch 1 next, not 2');
});

test('a root outside the field cannot be committed', async () => {
  await expect(commit({ newRoot: (1n << 256n) - 1n })).rejects.toThrow(/RootNotCanonical/);
});

test('a batch that is not committed cannot be proven', async () => {
  await expect(prove()).rejects.toThrow('batch 1 is not committed on L1');
});

test('a committed batch is stored with the hash of its messages', async () => {
  await commit();
  const D = createHash('sha256')
    .update(Buffer.from(encodeMessages(MESSAGES).slice(2), 'hex'))
    .digest('hex');
  expect(await readBatch(client(), deployed.rollup, 1n)).toMatchObject({
    ...{ root: 5678n, nextIndex: 60n, messagesHash: `0x${D}`, records: 48, messages: 2, state: 'committed' },
  });
});

test('a batch cannot be committed twice', async () => {
  await expect(commit()).rejects.toThrow('L1 expects batch 2 next, not 1');
});

test('a batch that is not proven cannot be executed', async () => {
  await expect(execute(1n)).rejects.toThrow('batch 1 is not proven on L1');
});

test('only the prove operator proves', async () => {
  await expect(prove({}, 'operator')).rejects.toThrow(/refuses sender/);
});

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'a proof with another public input %i is refused by name',
  async (index) => {
    const publicInputs = proof.publicInputs.map((value, i) => (i === index ? value + 1n : value));
    await expect(prove({ publicInputs })).rejects.toThrow(new RegExp(`public input ${index} `));
  },
);

test('other links than the proof has are rejected by the verifier', async () => {
  const publicInputs = proof.publicInputs.map((value, i) => (i === 11 ? value + 1n : value));
  await expect(prove({ publicInputs })).rejects.toThrow('L1 verifier rejects the proof of batch 1');
});

test.each([0, 1000, 5311])('a proof with byte %i changed is rejected by the verifier', async (at) => {
  const bytes = proof.bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  await expect(prove({ bytes })).rejects.toThrow('L1 verifier rejects the proof of batch 1');
});

test('a proof that is cut short is rejected by the verifier', async () => {
  await expect(prove({ bytes: proof.bytes.slice(0, -32) })).rejects.toThrow('L1 verifier rejects the proof of batch 1');
});

test('a committed batch is proven', async () => {
  await prove();
  expect((await readBatch(client(), deployed.rollup, 1n))?.state).toBe('verified');
});

test('a batch cannot be proven twice, but its proof can be checked again', async () => {
  await expect(prove()).rejects.toThrow('L1 expects batch 2 next, not 1');
  const args = { number: 1n, proof: proof.bytes, publicInputs: proof.publicInputs };
  expect(await checkProofOnL1(client(), deployed.rollup, args)).toEqual({ accepted: true });
});

test('checking a bad proof gives the reason', async () => {
  const bytes = proof.bytes.map((byte, i) => (i === 77 ? byte ^ 1 : byte));
  const args = { number: 1n, proof: bytes, publicInputs: proof.publicInputs };
  expect(await checkProofOnL1(client(), deployed.rollup, args)).toMatchObject({
    accepted: false,
    reason: expect.stringContaining('L1 verifier rejects'),
  });
});

test('only the execute operator executes', async () => {
  await expect(execute(1n, 'operator')).rejects.toThrow(/refuses sender/);
});

test('a batch is executed once, after its proof', async () => {
  await execute(1n);
  await expect(execute(1n)).rejects.toThrow('L1 expects batch 2 next, not 1');
  expect(await readRollup(client(), deployed.rollup)).toMatchObject({ committed: 1n, verified: 1n, executed: 1n });
});

test('a batch may not be older than the one before', async () => {
  await expect(commit({ number: 2n, timestamp: 99n })).rejects.toThrow(/TimestampDecreased/);
});

test('an L1 with another chain id is refused', async () => {
  await using other = await startAnvil(['--chain-id', '1']);
  const options = { ...deployment, rpcUrl: other.rpcUrl };
  await expect(deployContracts(options)).rejects.toThrow(/has chain id 1: .* goes only to an L1 on loopback/);
  await expect(fundWallets({ rpcUrl: other.rpcUrl, addresses: [], signal })).rejects.toThrow(/only to an L1/);
});

test('an account without money cannot deploy, and the error is one line that names it', async () => {
  const poor = randomWallets();
  const error: Error = await deployContracts({ ...deployment, wallets: poor }).then(
    () => expect.unreachable('deployed'),
    (reason) => reason,
  );
  expect(error.message.toLowerCase()).toContain(`deployment of the verifier, from ${poor.deployer.address}`);
  expect(error.message).not.toContain('\n');
});

test('an anvil with other accounts funds wallets too', async () => {
  await using other = await startAnvil(['--chain-id', '31337']);
  const { address } = randomWallets().operator;
  expect(await fundWallets({ rpcUrl: other.rpcUrl, addresses: [address], signal })).toEqual([address]);
  expect(await publicClient({ rpcUrl: other.rpcUrl, chainId: 31337 }).getBalance({ address })).toBe(WALLET_FUNDING);
});

test('an L1 that does not answer is one line that names it', async () => {
  const options = { ...deployment, rpcUrl: 'http://127.0.0.1:1' };
  await expect(deployContracts(options)).rejects.toThrow(/^no L1 answers at http:\/\/127.0.0.1:1 \(.*\)$/);
});
