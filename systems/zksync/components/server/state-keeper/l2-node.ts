/** The chain's own node (anvil): pool, blocks on demand, traces. */
import {
  decodeAbiParameters,
  encodeEventTopics,
  type Hex,
  hexToBigInt,
  hexToNumber,
  parseAbi,
  zeroAddress,
} from 'viem';
import { type GenesisAccount, L1_MESSENGER_ADDRESS } from '../../../protocol/l2/genesis.ts';
import { type Rpc, RpcError } from '../json-rpc.ts';
import type { StateDiff } from './state-diff.ts';

export interface L2Block {
  number: number;
  hash: Hex;
  stateRoot: Hex;
  /** seconds */
  timestamp: number;
  miner: Hex;
  baseFeePerGas: bigint;
  gasLimit: number;
  /** Hashes, in order. */
  transactions: Hex[];
}

interface RawBlock {
  number: Hex;
  hash: Hex;
  stateRoot: Hex;
  timestamp: Hex;
  miner: Hex;
  baseFeePerGas?: Hex;
  gasLimit: Hex;
  transactions: Hex[];
}

/** Undefined when the node has no such block. */
export async function readBlock(rpc: Rpc, which: number | 'latest'): Promise<L2Block | undefined> {
  const tag = which === 'latest' ? which : quantity(which);
  const block = await rpc<RawBlock | null>('eth_getBlockByNumber', [tag, false]);
  if (block === null) return undefined;
  return {
    number: hexToNumber(block.number),
    hash: block.hash,
    stateRoot: block.stateRoot,
    timestamp: hexToNumber(block.timestamp),
    miner: block.miner,
    baseFeePerGas: hexToBigInt(block.baseFeePerGas ?? '0x0'),
    gasLimit: hexToNumber(block.gasLimit),
    transactions: block.transactions,
  };
}

export const quantity = (n: number | bigint): Hex => `0x${n.toString(16)}`;

/**
 * Takes the node back to its genesis block, whatever it has now. anvil gives the new block 0 the current coinbase and base
 * fee, and a node that was started from a state file forgets its accounts.
 */
export async function resetToGenesis(rpc: Rpc, accounts: readonly GenesisAccount[]): Promise<void> {
  await rpc('anvil_setCoinbase', [zeroAddress]);
  await rpc('anvil_setNextBlockBaseFeePerGas', [quantity(L2_BASE_FEE)]);
  await rpc('anvil_reset');
  for (const { address, balance, nonce, code } of accounts) {
    await rpc('anvil_setBalance', [address, quantity(balance)]);
    if (nonce !== 0n) await rpc('anvil_setNonce', [address, quantity(nonce)]);
    if (code !== undefined) await rpc('anvil_setCode', [address, code]);
  }
}

/** Puts a raw transaction into the pool. True when it was not there before. @throws RpcError when the pool refuses it */
export async function sendRaw(rpc: Rpc, raw: Hex): Promise<boolean> {
  try {
    await rpc('eth_sendRawTransaction', [raw]);
    return true;
  } catch (error) {
    if (error instanceof RpcError && /already imported|already known/i.test(error.message)) return false;
    throw error;
  }
}

/** Transactions that the next block could take. */
export async function executableCount(rpc: Rpc): Promise<number> {
  return hexToNumber((await rpc<{ pending: Hex }>('txpool_status')).pending);
}

/** Of every block: transactions pay the tip alone. */
export const L2_BASE_FEE = 0n;

/** Makes one block of what is in the pool. `timestamp` must not be less than the last block's. */
export async function mineBlock(rpc: Rpc, timestamp: number, baseFee: bigint): Promise<void> {
  await rpc('anvil_setNextBlockBaseFeePerGas', [quantity(baseFee)]);
  await rpc('evm_setNextBlockTimestamp', [timestamp]);
  await rpc('evm_mine');
}

/** The node cannot trace a block: it came with a state file, which holds no older states. */
export class NoTraceError extends Error {
  override readonly name = 'NoTraceError';
}

/** State diff of each transaction of a block, in order. @throws NoTraceError */
export async function traceBlock(rpc: Rpc, number: number): Promise<StateDiff[]> {
  const traces = await rpc<{ result?: StateDiff; error?: string }[]>('debug_traceBlockByNumber', [
    quantity(number),
    { tracer: 'prestateTracer', tracerConfig: { diffMode: true } },
  ]);
  return traces.map((trace, index) => {
    if (!trace.result) throw new NoTraceError(`L2 block ${number}: no trace of transaction ${index}: ${trace.error}`);
    return trace.result;
  });
}

export interface L2Message {
  logIndex: number;
  logIndexInTx: number;
  txHash: Hex;
  txIndex: number;
  sender: bigint;
  /** keccak256 of the message. */
  hash: bigint;
  message: Hex;
}

const MESSENGER_ABI = parseAbi(['event L1MessageSent(address indexed _sender, bytes32 indexed _hash, bytes _message)']);

interface RawLog {
  logIndex: Hex;
  transactionHash: Hex;
  transactionIndex: Hex;
  topics: Hex[];
  data: Hex;
}

/** Messages to L1 that a block's transactions sent, in order. */
export async function readMessages(rpc: Rpc, number: number): Promise<L2Message[]> {
  const block = quantity(number);
  const logs = await rpc<RawLog[]>('eth_getLogs', [
    {
      fromBlock: block,
      toBlock: block,
      address: L1_MESSENGER_ADDRESS,
      topics: encodeEventTopics({ abi: MESSENGER_ABI, eventName: 'L1MessageSent' }),
    },
  ]);
  const inTx = new Map<Hex, number>();
  return logs.map((log) => {
    const logIndexInTx = inTx.get(log.transactionHash) ?? 0;
    inTx.set(log.transactionHash, logIndexInTx + 1);
    const [message] = decodeAbiParameters([{ type: 'bytes' }], log.data);
    return {
      logIndex: hexToNumber(log.logIndex),
      logIndexInTx,
      txHash: log.transactionHash,
      txIndex: hexToNumber(log.transactionIndex),
      sender: hexToBigInt(log.topics[1]!),
      hash: hexToBigInt(log.topics[2]!),
      message,
    };
  });
}
