/** The server's side of L1: the rollup contract and the accounts that may send to it. */
import type { Hex, PrivateKeyAccount, PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { requireL1RpcUrl, type ZksyncConfig } from '../../../protocol/config.ts';
import type { EthTxType } from '../../../protocol/core-db/eth-txs.ts';
import { packVersion } from '../../../protocol/ids.ts';
import { publicClient } from '../../../protocol/l1/clients.ts';
import { type RollupState, readBatch, readRollup } from '../../../protocol/l1/rollup.ts';
import { rollupAbi } from '../../../protocol/l1/rollup-abi.ts';
import type { ServerContext } from '../context.ts';

export interface L1Context {
  client: PublicClient;
  chainId: number;
  rollup: Hex;
  /** By lower-case address. */
  accounts: ReadonlyMap<string, PrivateKeyAccount>;
}

/** The rollup on L1 is not the one of this chain. */
export class RollupMismatchError extends Error {
  override readonly name = 'RollupMismatchError';
}

/** Address of the rollup: `l1.diamond_proxy_addr` of contracts.yaml. */
export function rollupAddress(config: ZksyncConfig): Hex | undefined {
  const l1 = config.contracts?.l1 as Record<string, unknown> | undefined;
  const address = l1?.diamond_proxy_addr;
  return typeof address === 'string' && /^0x[0-9a-fA-F]{40}$/.test(address) ? (address as Hex) : undefined;
}

/** @throws Error naming the file and key that lack something */
export function openL1(config: ZksyncConfig): L1Context {
  const chainId = config.genesis?.l1ChainId ?? 9;
  const rollup = rollupAddress(config);
  if (rollup === undefined) {
    throw new Error(
      `${config.paths.contractsPath ?? 'contracts.yaml'}: l1.diamond_proxy_addr is missing: run devkit chain init`,
    );
  }
  const keys = Object.values(config.wallets ?? {}).flatMap((wallet) => wallet.privateKey ?? []);
  const accounts = keys.filter((key) => BigInt(key) !== 0n).map((key) => privateKeyToAccount(key as Hex));
  return {
    client: publicClient({ rpcUrl: requireL1RpcUrl(config), chainId }),
    chainId,
    rollup,
    accounts: new Map(accounts.map((account) => [account.address.toLowerCase(), account])),
  };
}

/** @throws RollupMismatchError unless the contract is that of this chain, version and genesis. */
export async function checkRollup(
  server: Pick<ServerContext, 'chainId' | 'version'>,
  l1: L1Context,
  genesisRoot: bigint,
) {
  const code = await l1.client.getCode({ address: l1.rollup });
  if (code === undefined) {
    throw new RollupMismatchError(
      `no contract at ${l1.rollup} on L1: was L1 started anew? Run devkit chain init again`,
    );
  }
  const [state, genesis] = await Promise.all([readRollup(l1.client, l1.rollup), readBatch(l1.client, l1.rollup, 0n)]);
  const values: [string, bigint, bigint][] = [
    ['chain id', state.chainId, BigInt(server.chainId)],
    ['protocol version', state.packedVersion, packVersion(server.version)],
    ['genesis root', genesis?.root ?? 0n, genesisRoot],
  ];
  for (const [name, given, expected] of values) {
    if (given !== expected) {
      throw new RollupMismatchError(`rollup ${l1.rollup} on L1 has ${name} ${given}, this chain has ${expected}`);
    }
  }
  return state;
}

/** Account that the contract accepts transactions of a type from. @throws Error when wallets.yaml lacks it */
export function senderOf(l1: L1Context, state: RollupState, type: EthTxType): PrivateKeyAccount {
  const { committer, prover, executor } = state.validators;
  const address = { CommitBlocks: committer, PublishProofBlocksOnchain: prover, ExecuteBlocks: executor }[type];
  const account = l1.accounts.get(address.toLowerCase());
  if (account === undefined) throw new Error(`wallets.yaml has no key of ${address}, which L1 wants for ${type}`);
  return account;
}

const COUNTERS = {
  CommitBlocks: 'getTotalBatchesCommitted',
  PublishProofBlocksOnchain: 'getTotalBatchesVerified',
  ExecuteBlocks: 'getTotalBatchesExecuted',
} as const satisfies Record<EthTxType, string>;

/** Highest batch on L1 that has passed the step. */
export async function totalOnL1(l1: L1Context, type: EthTxType): Promise<number> {
  const total = await l1.client.readContract({ address: l1.rollup, abi: rollupAbi, functionName: COUNTERS[type] });
  return Number(total);
}

/** Hash of the transaction that took a batch through a step, found by its event. */
export async function findOnL1(l1: L1Context, type: EthTxType, batch: number): Promise<Hex | undefined> {
  const { client, rollup: address } = l1;
  const range = { address, abi: rollupAbi, fromBlock: 0n } as const;
  if (type === 'PublishProofBlocksOnchain') {
    const events = await client.getContractEvents({ ...range, eventName: 'BlocksVerification' });
    return events.find((event) => event.args.currentLastVerifiedBatch === BigInt(batch))?.transactionHash;
  }
  const args = { batchNumber: BigInt(batch) };
  const events =
    type === 'CommitBlocks'
      ? await client.getContractEvents({ ...range, eventName: 'BlockCommit', args })
      : await client.getContractEvents({ ...range, eventName: 'BlockExecution', args });
  return events.at(-1)?.transactionHash;
}
