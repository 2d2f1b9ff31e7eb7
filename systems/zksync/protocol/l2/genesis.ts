import { type Hex, numberToHex, parseEther, zeroAddress, zeroHash } from 'viem';
import messenger from '../../contracts/artifacts/l1-messenger.json' with { type: 'json' };
import { RICH_BALANCE_ETH, richWallets } from '../l1/genesis.ts';

/** L1Messenger on L2, the address of upstream's system contract. */
export const L1_MESSENGER_ADDRESS: Hex = '0x0000000000000000000000000000000000008008';

/** Gas limit of an L2 block. */
export const L2_BLOCK_GAS_LIMIT = 80_000_000;

export interface GenesisAccount {
  /** Lower case. */
  address: Hex;
  /** wei */
  balance: bigint;
  nonce: bigint;
  code?: Hex;
}

/** The parts of a genesis.json that anvil reads. Numbers are hex. */
export interface AnvilGenesis {
  config: { chainId: number };
  timestamp: Hex;
  gasLimit: Hex;
  baseFeePerGas: Hex;
  coinbase: Hex;
  difficulty: Hex;
  mixHash: Hex;
  number: Hex;
  nonce: Hex;
  extraData: Hex;
  alloc: Record<Hex, { balance: Hex; nonce: Hex; code?: Hex }>;
}

/** Everything about block 0 of an L2. */
export interface L2Genesis {
  /** Every account that exists in block 0; with `anvilArgs` there is no other. */
  accounts: GenesisAccount[];
  /**
   * geth-style. anvil 1.7.1 loads it with `--init`, but refuses that together with any state file; for a node that keeps
   * its state make a first state file out of `alloc` and start with `--state FILE`.
   */
  anvilGenesis: AnvilGenesis;
  /** Options that go with either way. */
  anvilArgs: string[];
}

function l2GenesisAccounts(): GenesisAccount[] {
  return [
    ...richWallets().map(({ address }) => ({ address, balance: parseEther(String(RICH_BALANCE_ETH)), nonce: 0n })),
    { address: L1_MESSENGER_ADDRESS, balance: 0n, nonce: 1n, code: messenger.deployedBytecode as Hex },
  ];
}

/**
 * What makes blocks of anvil 1.7.1 a function of their raw transactions (tried: equal block hashes on two instances,
 * and on one that was stopped and restarted half way; prevrandao follows from the chain):
 * - transactions in the order sent (`--order fifo`), blocks only on demand (`--no-mining`, then `evm_mine`);
 * - the time given before each block: `evm_setNextBlockTimestamp` (equal or greater than the last one) — so a replay
 *   needs each block's raw transactions and its timestamp, nothing more;
 * - base fee 0 for ever, coinbase 0x0 (the default), a fixed gas limit, genesis time 1;
 * - no other accounts: no developer accounts, no create2 deployer, and `cancun`, because later forks put the block
 *   hash contract of EIP-2935 into the state (and would allow EIP-7702 code changes).
 */
const anvilArgs = (chainId: number): string[] => [
  ...['--chain-id', String(chainId), '--timestamp', '1', '--hardfork', 'cancun'],
  ...['--accounts', '0', '--disable-default-create2-deployer'],
  ...['--no-mining', '--order', 'fifo'],
  ...['--block-base-fee-per-gas', '0', '--gas-limit', String(L2_BLOCK_GAS_LIMIT)],
];

/** Genesis of an L2: ten rich accounts and the L1Messenger. */
export function l2Genesis({ chainId }: { chainId: number }): L2Genesis {
  const accounts = l2GenesisAccounts();
  return {
    accounts,
    anvilGenesis: {
      config: { chainId },
      nonce: '0x0',
      timestamp: '0x1',
      extraData: '0x',
      gasLimit: numberToHex(L2_BLOCK_GAS_LIMIT),
      difficulty: '0x0',
      mixHash: zeroHash,
      coinbase: zeroAddress,
      number: '0x0',
      baseFeePerGas: '0x0',
      alloc: Object.fromEntries(
        accounts.map((a) => [
          a.address,
          { balance: numberToHex(a.balance), nonce: numberToHex(a.nonce), ...(a.code ? { code: a.code } : {}) },
        ]),
      ),
    },
    anvilArgs: anvilArgs(chainId),
  };
}
