import { expect, test } from 'vitest';
import { l1Genesis, richWallets } from '../../../systems/zksync/protocol/l1/genesis.ts';
import {
  localhostWallets,
  parseWallets,
  randomWallets,
  WALLET_NAMES,
} from '../../../systems/zksync/protocol/l1/wallets.ts';

test('the first rich wallet is the well-known one', () => {
  expect(richWallets()[0]).toEqual({
    address: '0x36615cf349d7f6344891b1e7ca7c72883f5dc049',
    private_key: '0x7726827caac94a7f9e1b160f7ea819f172f7b6f9d2a97f992c38edeab82d4110',
  });
});

test('localhost wallets of a chain come from its internal id and their index', () => {
  const wallets = localhostWallets(1);
  expect(wallets.deployer.address).toBe('0x721c8ec0ec29befff39415df075bb06c753de498');
  expect(wallets.execute_operator.address).toBe('0xfe81be741590259904834c895667d7b85e248191');
});

test("the ecosystem's localhost wallets are rich on the local L1", () => {
  const rich = l1Genesis().accounts.map((account) => account.address);
  expect(rich).toEqual(expect.arrayContaining(Object.values(localhostWallets(0)).map((wallet) => wallet.address)));
});

test('random wallets differ from each other', () => {
  const addresses = Object.values(randomWallets()).map((wallet) => wallet.address);
  expect(new Set(addresses).size).toBe(WALLET_NAMES.length);
});

test('wallets survive their file', () => {
  const wallets = localhostWallets(2);
  expect(parseWallets(JSON.parse(JSON.stringify(wallets)), 'wallets.yaml')).toEqual(wallets);
});

test('the operator proves and executes where a file has no wallets for that', () => {
  const { prove_operator: _, execute_operator: __, ...old } = localhostWallets(1);
  expect(parseWallets(old, 'wallets.yaml').prove_operator).toEqual(old.operator);
});

test('a wallet whose address is not of its key is refused by name', () => {
  const wallets = {
    ...localhostWallets(1),
    governor: { ...localhostWallets(1).governor, address: `0x${'1'.repeat(40)}` },
  };
  expect(() => parseWallets(wallets, 'wallets.yaml')).toThrow(
    'wallets.yaml: governor.address is not the address of its private_key',
  );
});

test('a key that is too short is refused by name', () => {
  const wallets = { ...localhostWallets(1), deployer: { private_key: '0x12' } };
  expect(() => parseWallets(wallets, 'wallets.yaml')).toThrow('wallets.yaml: deployer.private_key is not');
});
