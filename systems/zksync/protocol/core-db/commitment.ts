import { createHash } from 'node:crypto';
import { concat, type Hex, keccak256, numberToHex, toHex } from 'viem';
import { type Message, messageBytes } from '../batch/log.ts';
import { type ProtocolVersion, packVersion } from '../ids.ts';
import type { CommitmentHashes } from './batches.ts';

export interface CommitmentInput {
  /** Tree after the batch. */
  root: bigint;
  nextIndex: number;
  version: ProtocolVersion;
  /** Number of storage records. */
  records: number;
  messages: readonly Message[];
}

/** SHA-256 of a batch's messages, 64 bytes each: the circuits' and the rollup contract's `D`. */
export function messagesHash(messages: readonly Message[]): bigint {
  const hash = createHash('sha256');
  for (const message of messages) hash.update(messageBytes(message));
  return BigInt(`0x${hash.digest('hex')}`);
}

const word = (value: bigint): Hex => toHex(value, { size: 32 });
const u64 = (value: number | bigint): Hex => numberToHex(value, { size: 8 });

/**
 * Hashes of a batch. The structure is upstream's, commitment = keccak256(pass through ‖ meta parameters ‖ auxiliary), over
 * this system's plain values, big-endian:
 * pass through = keccak256(next leaf index u64 ‖ root 32 bytes);
 * meta parameters = keccak256(minor·2^32 + patch u64);
 * auxiliary = keccak256(SHA-256 of the messages 32 bytes ‖ number of records u64 ‖ number of messages u64).
 */
export function batchCommitment(input: CommitmentInput): CommitmentHashes {
  const passThroughHash = keccak256(concat([u64(input.nextIndex), word(input.root)]));
  const metaHash = keccak256(u64(packVersion(input.version)));
  const auxHash = keccak256(
    concat([word(messagesHash(input.messages)), u64(input.records), u64(input.messages.length)]),
  );
  return {
    commitment: keccak256(concat([passThroughHash, metaHash, auxHash])),
    passThroughHash,
    metaHash,
    auxHash,
  };
}
