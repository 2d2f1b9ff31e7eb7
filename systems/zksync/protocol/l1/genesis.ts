import { TEST_MNEMONIC, testWallets, type Wallet } from './wallets.ts';

/** Chain id of the local L1 (zkstack's `localhost` network). */
export const LOCAL_L1_CHAIN_ID = 9;

/** Number of accounts of the test mnemonic that have money on the local L1 and L2. */
export const RICH_ACCOUNTS = 10;

/** ETH that every rich account starts with. */
export const RICH_BALANCE_ETH = 1_000_000n;

/**
 * The accounts `m/44'/60'/0'/0/0..9` of the test mnemonic: zksync-era's local rich wallets, and at the same time the
 * ecosystem's localhost wallets.
 */
export function richWallets(): Wallet[] {
  return testWallets(0, RICH_ACCOUNTS);
}

/**
 * How the local L1 gets its money: anvil's own developer accounts are the test mnemonic's. Chain wallets are funded
 * from them by `fundWallets`. The arguments go with the port and state options of whoever starts anvil.
 */
export function l1Genesis(chainId = LOCAL_L1_CHAIN_ID): { chainId: number; anvilArgs: string[]; accounts: Wallet[] } {
  return {
    chainId,
    anvilArgs: [
      ...['--chain-id', String(chainId), '--mnemonic', TEST_MNEMONIC],
      ...['--accounts', String(RICH_ACCOUNTS), '--balance', String(RICH_BALANCE_ETH)],
    ],
    accounts: richWallets(),
  };
}
