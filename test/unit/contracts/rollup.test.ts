import { type AbiItem, encodeErrorResult, type Hex, toEventSelector, toFunctionSelector } from 'viem';
import { expect, test } from 'vitest';
import { loadArtifact } from '../../../systems/zksync/protocol/l1/artifacts.ts';
import { compileVerifier } from '../../../systems/zksync/protocol/l1/compile-verifier.ts';
import { contractsYaml, genesisYaml, parseContractsYaml } from '../../../systems/zksync/protocol/l1/contracts-yaml.ts';
import { describeRevert, encodeMessages, rollupAbi } from '../../../systems/zksync/protocol/l1/rollup.ts';
import { assertLocalL1, UnsafeL1Error } from '../../../systems/zksync/protocol/l1/safety.ts';
import { l2Genesis } from '../../../systems/zksync/protocol/l2/genesis.ts';
import { planTraffic, trafficAbi, trafficOfSize } from '../../../systems/zksync/protocol/l2/traffic.ts';

const selectors = (abi: readonly unknown[], type: AbiItem['type']): string[] =>
  (abi as AbiItem[])
    .filter((item) => item.type === type)
    .map((item) => (item.type === 'event' ? toEventSelector(item) : toFunctionSelector(item as never)))
    .sort();

test.each(['function', 'event', 'error'] as const)(
  'every %s of the rollup contract is in its typed ABI',
  async (type) => {
    const { abi } = await loadArtifact('rollup');
    expect(selectors(rollupAbi, type)).toEqual(selectors(abi, type));
  },
);

test('the typed ABI of the traffic contract names its functions', async () => {
  const { abi } = await loadArtifact('traffic');
  expect(selectors(trafficAbi, 'function')).toEqual(selectors(abi, 'function'));
});

test('a refusal of the rollup is one line that names the public input', () => {
  const args = [5n, `0x${'00'.repeat(31)}02`, `0x${'00'.repeat(31)}03`] as const;
  const data = encodeErrorResult({ abi: rollupAbi, errorName: 'WrongPublicInput', args });
  expect(describeRevert(data)?.message).toMatch(
    /^proof is for another statement: public input 5 \(new root\) is 0x0+3, L1 has 0x0+2$/,
  );
});

test("another contract's error is not taken for the rollup's", () => {
  expect(describeRevert('0xdeadbeef')).toBeUndefined();
});

test('a message is 64 bytes: transaction, sender, word', () => {
  const bytes = encodeMessages([{ tx: 3, sender: 0x8008n, word: 255n }]);
  expect(bytes).toBe(`0x${'0'.repeat(23)}3${'0'.repeat(36)}8008${'0'.repeat(62)}ff`);
});

test.each([
  ['http://127.0.0.1:8545', 9],
  ['http://localhost:8545', 31337],
  ['http://[::1]:8545', 9],
])('%s with chain id %i is a local L1', (rpcUrl, chainId) => {
  expect(() => assertLocalL1({ rpcUrl, chainId, crs: 'dev-1', aggregation: 'linked' })).not.toThrow();
});

test.each([
  ['http://127.0.0.1:8545', 1],
  ['http://10.0.0.5:8545', 9],
  ['https://sepolia.example:443', 11155111],
  ['http://127.0.0.1.example:8545', 9],
])('%s with chain id %i is refused', (rpcUrl, chainId) => {
  expect(() => assertLocalL1({ rpcUrl, chainId, crs: 'dev-1', aggregation: 'linked' })).toThrow(UnsafeL1Error);
});

test('a password in the URL of a refused L1 is not shown', () => {
  const l1 = { rpcUrl: 'https://user:hunter2@node.example', chainId: 1, crs: 'dev-1', aggregation: 'linked' };
  expect(() => assertLocalL1(l1)).toThrow(/^(?!.*hunter2)/s);
});

test('deployed contracts survive contracts.yaml', () => {
  const deployed = { rollup: `0x${'ab'.repeat(20)}`, verifier: `0x${'cd'.repeat(20)}`, blockNumber: 7n } as const;
  expect(parseContractsYaml(contractsYaml(deployed), 'contracts.yaml')).toEqual(deployed);
});

test('contracts.yaml without addresses means nothing is deployed', () => {
  expect(parseContractsYaml({ l1: {} }, 'contracts.yaml')).toBeUndefined();
});

test('an address without quotes is refused: YAML made a number of it', () => {
  const file = { l1: { diamond_proxy_addr: 12345, verifier_addr: `0x${'cd'.repeat(20)}` } };
  expect(() => parseContractsYaml(file, 'contracts.yaml')).toThrow('contracts.yaml: l1.diamond_proxy_addr');
});

test('genesis.yaml has roots as 32 bytes', () => {
  const hash: Hex = `0x${'11'.repeat(32)}`;
  const yaml = genesisYaml({
    ...{ version: { minor: 31, patch: 0 }, root: 10n, nextIndex: 24, commitment: hash, l1ChainId: 9, l2ChainId: 271 },
    ...{ feeAccount: `0x${'0'.repeat(40)}`, dummyVerifier: false, snarkWrapperVkHash: hash },
  });
  expect(yaml).toMatchObject({ genesis_root: `0x${'0'.repeat(63)}a`, genesis_protocol_semantic_version: '0.31.0' });
});

test('the L2 genesis has ten rich accounts and the messenger', () => {
  const { accounts, anvilGenesis } = l2Genesis({ chainId: 300 });
  expect(accounts.map((account) => account.address)).toEqual(Object.keys(anvilGenesis.alloc));
  expect(accounts.filter((account) => account.balance === 10n ** 24n)).toHaveLength(10);
  expect(accounts.at(-1)).toMatchObject({ address: '0x0000000000000000000000000000000000008008', nonce: 1n });
});

const CONTRACT: Hex = `0x${'ee'.repeat(20)}`;

test('equal seeds plan equal traffic, other seeds other values', () => {
  const plan = trafficOfSize(32);
  expect(planTraffic(plan, CONTRACT)).toEqual(planTraffic({ ...plan, seed: 0 }, CONTRACT));
  expect(planTraffic(plan, CONTRACT)).not.toEqual(planTraffic({ ...plan, seed: 1 }, CONTRACT));
});

test('traffic of 40 slots takes two writes, the second for the rest', () => {
  const [first, second] = planTraffic({ slots: 40, overwrites: 0, messages: 0, transfers: 0 }, CONTRACT);
  expect([first?.what, second?.what]).toEqual(['write 32 slots', 'write 8 slots']);
});

test('a verifier cannot be compiled without solc, and the error names it', async () => {
  const options = { source: '', vkHash: CONTRACT, crs: 'ignition', signal: new AbortController().signal };
  await expect(compileVerifier({ ...options, solc: 'solc-that-is-not-there' })).rejects.toThrow(
    /solc-that-is-not-there: no such program on PATH/,
  );
});
