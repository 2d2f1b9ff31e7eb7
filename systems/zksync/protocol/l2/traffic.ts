import {
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  keccak256,
  parseAbi,
  stringToHex,
} from 'viem';
import { loadArtifact } from '../l1/artifacts.ts';
import { type Call, connect, settle, submit } from './submit.ts';

export { TransactionError } from './submit.ts';

/** Interface of `Traffic.sol`. */
export const trafficAbi = parseAbi([
  'function write(uint256 start, uint256 count, uint256 value)',
  'function setEntry(bytes32 key, uint256 value)',
  'function sum(uint256 start, uint256 count) view returns (uint256)',
  'function sendMessages(bytes[] messages)',
  'function words(uint256) view returns (uint256)',
  'function entries(bytes32) view returns (uint256)',
]);

/** What to send. The content is a function of these numbers. */
export interface TrafficPlan {
  /** Distinct contract slots that get written, at least 1. */
  slots: number;
  /** How many of them are written a second time, by another transaction. */
  overwrites: number;
  /** L2→L1 messages. */
  messages: number;
  /** Transfers of 1 gwei each, to accounts that have none yet. */
  transfers: number;
  /** Changes values, messages and receivers. `sendTraffic` takes the account's nonce by default: never the same twice. */
  seed?: number;
}

/** Batches for benchmarks, by number of slots. The smallest is what quickstart sends. */
export const TRAFFIC_SIZES = [32, 64, 128, 256] as const;

/** Traffic for a number of slots: a quarter overwritten, three messages, one transfer. */
export const trafficOfSize = (slots: number): TrafficPlan => ({
  slots,
  overwrites: Math.floor(slots / 4),
  messages: 3,
  transfers: 1,
});

export interface TrafficOptions extends TrafficPlan {
  /** The server's API, e.g. `http://127.0.0.1:3050`. */
  rpcUrl: string;
  /** Private key of the sending account. */
  privateKey: Hex;
  /** A Traffic contract from an earlier call; without it one is deployed. */
  contract?: Hex;
  /** How often receipts are asked for; default 30. */
  pollingMs?: number;
  signal: AbortSignal;
  /** Called when a transaction is in a block. */
  onTransaction?: (transaction: SentTransaction) => void;
}

export interface SentTransaction {
  hash: Hex;
  /** e.g. `write 16 slots`. */
  what: string;
  blockNumber: bigint;
}

export interface TrafficResult {
  contract: Hex;
  txs: SentTransaction[];
}

/** Slots per transaction: few transactions, so that few account records are made. */
const SLOTS_PER_WRITE = 32;
/** Gas of a first write to a slot is 22,100; the rest is loop and calldata. */
const gasOfWrite = (count: number): bigint => BigInt(100_000 + 24_000 * count);

/** The transactions of a plan, in order, the deployment apart. Pure. */
export function planTraffic(plan: TrafficPlan, contract: Hex): Call[] {
  const seed = BigInt(plan.seed ?? 0);
  const write = (start: number, count: number, value: bigint): Call => ({
    what: `write ${count} slots`,
    to: contract,
    data: encodeFunctionData({
      abi: trafficAbi,
      functionName: 'write',
      args: [BigInt(start), BigInt(count), value],
    }),
    gas: gasOfWrite(count),
  });
  const planned: Call[] = [];
  for (let start = 0; start < plan.slots; start += SLOTS_PER_WRITE)
    planned.push(write(start, Math.min(SLOTS_PER_WRITE, plan.slots - start), seededValue(seed, start)));
  const again = Math.min(plan.overwrites, plan.slots);
  if (again > 0) planned.push(write(0, again, seededValue(seed + 1n, 0)));
  for (let i = 0; i < plan.transfers; i += 1)
    planned.push({ what: 'transfer', to: receiver(seed, i), value: 1_000_000_000n, gas: 21_000n });
  if (plan.messages > 0) planned.push(messages(seed, plan.messages, contract));
  return planned;
}

function messages(seed: bigint, count: number, contract: Hex): Call {
  const texts = Array.from({ length: count }, (_, i) => stringToHex(`message ${i} of ${seed}`));
  return {
    what: `send ${count} messages`,
    to: contract,
    data: encodeFunctionData({ abi: trafficAbi, functionName: 'sendMessages', args: [texts] }),
    gas: BigInt(60_000 + 8_000 * count),
  };
}

const digest = (...parts: (string | bigint | number)[]): Hex => keccak256(stringToHex(parts.join(':')));
/** Non-zero, and far enough below 2^256 to count up from. */
const seededValue = (seed: bigint, start: number): bigint => BigInt(digest('value', seed, start)) >> 8n || 1n;
const receiver = (seed: bigint, index: number): Hex => `0x${digest('receiver', seed, index).slice(26)}`;

/**
 * Sends the transactions of a plan: deploys a Traffic contract (unless given one), writes slots, overwrites some,
 * transfers, sends L2→L1 messages. All are signed here and sent at once; returns when all are in blocks.
 * @throws TransactionError
 */
export async function sendTraffic(options: TrafficOptions): Promise<TrafficResult> {
  const { signal } = options;
  const connection = await connect(options.rpcUrl, options.privateKey, options.pollingMs);
  const nonce = await connection.client.getTransactionCount({ address: connection.address, blockTag: 'pending' });
  // the address of a new contract is known before it is there, so nothing waits for its block
  const contract = options.contract ?? getContractAddress({ from: connection.address, nonce: BigInt(nonce) });
  const calls = [
    ...(options.contract ? [] : [await deployment()]),
    ...planTraffic({ ...options, seed: options.seed ?? nonce }, contract),
  ];
  const sent: { hash: Hex; what: string }[] = [];
  for (const [index, call] of calls.entries()) {
    signal.throwIfAborted();
    sent.push({ hash: await submit(connection, call, nonce + index), what: call.what });
  }
  const txs: SentTransaction[] = [];
  for (const transaction of sent) {
    const { blockNumber } = await settle(connection, transaction, signal);
    txs.push({ ...transaction, blockNumber });
    options.onTransaction?.({ ...transaction, blockNumber });
  }
  return { contract: contract.toLowerCase() as Hex, txs };
}

async function deployment(): Promise<Call> {
  const { abi, bytecode } = await loadArtifact('traffic');
  return { what: 'deploy contract', data: encodeDeployData({ abi, bytecode, args: [] }), gas: 1_000_000n };
}

export interface SendOptions {
  rpcUrl: string;
  privateKey: Hex;
  /** Absent: a contract creation, `data` is its code. */
  to?: Hex;
  /** wei */
  value?: bigint;
  data?: Hex;
  /** Default: the node's estimate and a third. */
  gas?: bigint;
  /** How often the receipt is asked for; default 30. */
  pollingMs?: number;
  signal: AbortSignal;
}

/** What became of a transaction. Addresses in lower case. */
export interface SendResult {
  hash: Hex;
  from: Hex;
  blockNumber: bigint;
  gasUsed: bigint;
  contractAddress?: Hex;
}

/** Sends one signed transaction and waits until it is in a block. @throws TransactionError */
export async function sendTransaction(options: SendOptions): Promise<SendResult> {
  const { rpcUrl, privateKey, pollingMs, signal, ...call } = options;
  const connection = await connect(rpcUrl, privateKey, pollingMs);
  const { address, client } = connection;
  const nonce = await client.getTransactionCount({ address, blockTag: 'pending' });
  const hash = await submit(connection, { what: 'transaction', ...call }, nonce);
  const receipt = await settle(connection, { hash, what: 'transaction' }, signal);
  return {
    hash,
    from: address.toLowerCase() as Hex,
    blockNumber: receipt.blockNumber,
    gasUsed: receipt.gasUsed,
    ...(receipt.contractAddress && { contractAddress: receipt.contractAddress.toLowerCase() as Hex }),
  };
}
