import { encodeFunctionData, type Hex, type PublicClient, padHex, type TransactionReceipt, toHex } from 'viem';
import { type Message, messageBytes } from '../batch/log.ts';
import { rollupAbi } from './rollup-abi.ts';
import { RollupError, toRollupError } from './rollup-errors.ts';
import { L1Error, type L1Sender, sendOnL1 } from './send.ts';

export { PUBLIC_INPUT_NAMES, rollupAbi } from './rollup-abi.ts';
export { describeRevert, RollupError, toRollupError } from './rollup-errors.ts';

/** Position in `Rollup.State`. */
export const BATCH_STATES = ['none', 'committed', 'verified', 'executed'] as const;
export type BatchState = (typeof BATCH_STATES)[number];

/** A batch as the contract stores it. Roots are field elements. */
export interface L1Batch {
  root: bigint;
  nextIndex: bigint;
  /** SHA-256 of the batch's messages. */
  messagesHash: Hex;
  records: number;
  messages: number;
  commitment: Hex;
  state: BatchState;
}

export interface CommitArgs {
  number: bigint;
  /** Seconds; not less than the batch's before. */
  timestamp: bigint;
  newRoot: bigint;
  newNextIndex: bigint;
  records: number;
  /** In batch order; see `encodeMessages`. */
  messages: readonly Message[];
  commitment: Hex;
}

/** The bytes that the circuit hashes: 64 a message (tx index 12 bytes, sender 20 bytes, word 32 bytes). */
export const encodeMessages = (messages: readonly Message[]): Hex => toHex(Buffer.concat(messages.map(messageBytes)));

const bytes32 = (value: bigint): Hex => toHex(value, { size: 32 });

/** Calldata of `commitBatch`. */
export function encodeCommit(batch: CommitArgs): Hex {
  const { number, timestamp, newNextIndex, records, commitment } = batch;
  return encodeFunctionData({
    abi: rollupAbi,
    functionName: 'commitBatch',
    args: [
      number,
      timestamp,
      bytes32(batch.newRoot),
      newNextIndex,
      records,
      encodeMessages(batch.messages),
      padHex(commitment, { size: 32 }),
    ],
  });
}

/** Calldata of `proveBatch`. `publicInputs`: the twelve of the compressor circuit, in its order. */
export function encodeProve(number: bigint, proof: Uint8Array, publicInputs: readonly bigint[]): Hex {
  return encodeFunctionData({
    abi: rollupAbi,
    functionName: 'proveBatch',
    args: [number, toHex(proof), publicInputs.map(bytes32)],
  });
}

/** Calldata of `setValidators` (the owner's): who may commit, prove, execute. */
export function encodeSetValidators(committer: Hex, prover: Hex, executor: Hex): Hex {
  return encodeFunctionData({ abi: rollupAbi, functionName: 'setValidators', args: [committer, prover, executor] });
}

/** Calldata of `executeBatch`. */
export function encodeExecute(number: bigint): Hex {
  return encodeFunctionData({ abi: rollupAbi, functionName: 'executeBatch', args: [number] });
}

/**
 * Sends calldata to the rollup and waits for the receipt. Gas is estimated first, so a refusal costs nothing.
 * @throws RollupError when the contract refuses, L1Error for anything else
 */
export async function sendToRollup(sender: L1Sender, rollup: Hex, data: Hex): Promise<TransactionReceipt> {
  try {
    return await sendOnL1(sender, { to: rollup, data }, 'rollup transaction');
  } catch (error) {
    const known = error instanceof L1Error ? toRollupError(error.cause) : error;
    throw known instanceof RollupError ? known : error;
  }
}

/** Asks L1, without a transaction, whether it accepts a proof of a committed batch, proven already or not. */
export async function checkProofOnL1(
  client: PublicClient,
  rollup: Hex,
  args: { number: bigint; proof: Uint8Array; publicInputs: readonly bigint[] },
): Promise<{ accepted: true } | { accepted: false; reason: string }> {
  const { number, proof, publicInputs } = args;
  try {
    await client.readContract({
      address: rollup,
      abi: rollupAbi,
      functionName: 'checkProof',
      args: [number, toHex(proof), publicInputs.map(bytes32)],
    });
    return { accepted: true };
  } catch (error) {
    const known = toRollupError(error);
    if (known instanceof RollupError) return { accepted: false, reason: known.message };
    throw error;
  }
}

/** Everything the rollup says about itself and its progress. */
export interface RollupState {
  verifier: Hex;
  chainId: bigint;
  packedVersion: bigint;
  keyset: bigint;
  verificationKeyHash: Hex;
  aggregation: string;
  crs: string;
  genesisRoot: bigint;
  validators: { committer: Hex; prover: Hex; executor: Hex };
  committed: bigint;
  verified: bigint;
  executed: bigint;
}

/** Reads the contract's constants and counters. */
export async function readRollup(client: PublicClient, rollup: Hex): Promise<RollupState> {
  const genesis = await readBatch(client, rollup, 0n);
  if (!genesis) throw new L1Error(`no rollup contract at ${rollup} on L1`);
  const at = { address: rollup, abi: rollupAbi } as const;
  const [verifier, chainId, packedVersion, keyset, verificationKeyHash, aggregation, crs] = await Promise.all([
    client.readContract({ ...at, functionName: 'getVerifier' }),
    client.readContract({ ...at, functionName: 'chainId' }),
    client.readContract({ ...at, functionName: 'getProtocolVersion' }),
    client.readContract({ ...at, functionName: 'keyset' }),
    client.readContract({ ...at, functionName: 'verificationKeyHash' }),
    client.readContract({ ...at, functionName: 'aggregation' }),
    client.readContract({ ...at, functionName: 'crs' }),
  ]);
  const [committer, prover, executor, committed, verified, executed] = await Promise.all([
    client.readContract({ ...at, functionName: 'committer' }),
    client.readContract({ ...at, functionName: 'prover' }),
    client.readContract({ ...at, functionName: 'executor' }),
    client.readContract({ ...at, functionName: 'getTotalBatchesCommitted' }),
    client.readContract({ ...at, functionName: 'getTotalBatchesVerified' }),
    client.readContract({ ...at, functionName: 'getTotalBatchesExecuted' }),
  ]);
  return {
    ...{ verifier, chainId, packedVersion, keyset, verificationKeyHash, aggregation, crs },
    ...{ genesisRoot: genesis.root, validators: { committer, prover, executor }, committed, verified, executed },
  };
}

/** A batch as L1 has it; undefined when it is not committed. Batch 0 is the genesis. */
export async function readBatch(client: PublicClient, rollup: Hex, number: bigint): Promise<L1Batch | undefined> {
  const batch = await client.readContract({
    address: rollup,
    abi: rollupAbi,
    functionName: 'getBatch',
    args: [number],
  });
  const state = BATCH_STATES[batch.state] ?? 'none';
  return state === 'none' ? undefined : { ...batch, root: BigInt(batch.root), state };
}
