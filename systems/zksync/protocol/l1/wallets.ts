import { bytesToHex, type Hex } from 'viem';
import { generatePrivateKey, type HDKey, mnemonicToAccount, privateKeyToAddress } from 'viem/accounts';
import { Refusal } from '../../../../lib/component/refusal.ts';

/** Test mnemonic of zksync-era (`etc/test_config/constant/eth.json`). Everybody knows it: local chains only. */
export const TEST_MNEMONIC = 'stuff slice staff easily soup parent arm payment cotton trade scatter struggle';

/** Keys of wallets.yaml; the position is the derivation index of localhost wallets. */
export const WALLET_NAMES = [
  'deployer',
  'operator',
  'blob_operator',
  'fee_account',
  'governor',
  'token_multiplier_setter',
  'prove_operator',
  'execute_operator',
] as const;
export type WalletName = (typeof WALLET_NAMES)[number];

export interface Wallet {
  /** Lower case, as upstream's files have it. */
  address: Hex;
  private_key: Hex;
}

/** The shape of wallets.yaml. The file holds private keys: write it with mode 0600. */
export type Wallets = Record<WalletName, Wallet>;

/** Accounts `m/44'/60'/0'/<base>/0`, `…/1`, … of the test mnemonic. */
export function testWallets(base: number, count: number): Wallet[] {
  // stretching the mnemonic is the slow part: once, then derive from it
  const root = mnemonicToAccount(TEST_MNEMONIC, { path: "m/44'/60'/0'" }).getHdKey();
  return Array.from({ length: count }, (_, index) => walletOf(privateKeyAt(root, `m/${base}/${index}`)));
}

function privateKeyAt(root: HDKey, path: `m/${string}`): Hex {
  const key = root.derive(path).privateKey;
  if (!key) throw new Error(`no private key at ${path}`);
  return bytesToHex(key);
}

function walletOf(privateKey: Hex): Wallet {
  return { address: privateKeyToAddress(privateKey).toLowerCase() as Hex, private_key: privateKey };
}

function eachWallet(make: (index: number) => Wallet): Wallets {
  return Object.fromEntries(WALLET_NAMES.map((name, index) => [name, make(index)])) as Wallets;
}

/**
 * Wallets of `--wallet-creation localhost`. `internalId`: 0 for the ecosystem, 1… for its chains.
 * Source: zkstack `wallet_creation.rs`.
 */
export function localhostWallets(internalId: number): Wallets {
  const wallets = testWallets(internalId, WALLET_NAMES.length);
  return eachWallet((index) => wallets[index]!);
}

/** Wallets of `--wallet-creation random`. */
export function randomWallets(): Wallets {
  return eachWallet(() => walletOf(generatePrivateKey()));
}

/** Wallets of `--wallet-creation empty`: the shape, to be filled in by hand. */
export function emptyWallets(): Wallets {
  return eachWallet(() => ({ address: `0x${'0'.repeat(40)}`, private_key: `0x${'0'.repeat(64)}` }));
}

/** wallets.yaml cannot be used; the message names the entry. */
export class WalletsInvalidError extends Refusal {
  override readonly name = 'WalletsInvalidError';
}

/** The operator's where a file lacks them, as older files do. */
const OPTIONAL_WALLETS: readonly WalletName[] = [
  'blob_operator',
  'token_multiplier_setter',
  'prove_operator',
  'execute_operator',
];

/**
 * Checks a parsed wallets.yaml: every address belongs to its key. `path` is for messages. @throws WalletsInvalidError
 */
export function parseWallets(file: unknown, path: string): Wallets {
  const entries = (file ?? {}) as Partial<Record<WalletName, Partial<Wallet>>>;
  return Object.fromEntries(
    WALLET_NAMES.map((name) => {
      const entry = entries[name] ?? (OPTIONAL_WALLETS.includes(name) ? entries.operator : undefined);
      if (!/^0x[0-9a-fA-F]{64}$/.test(String(entry?.private_key)))
        throw new WalletsInvalidError(`${path}: ${name}.private_key is not 0x and 64 hex digits`);
      const wallet = walletOf(String(entry?.private_key).toLowerCase() as Hex);
      if (entry?.address !== undefined && entry.address.toLowerCase() !== wallet.address)
        throw new WalletsInvalidError(`${path}: ${name}.address is not the address of its private_key`);
      return [name, wallet];
    }),
  ) as Wallets;
}
