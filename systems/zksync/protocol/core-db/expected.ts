import type { Db } from '../../../../lib/postgres.ts';
import type { Message } from '../batch/log.ts';
import type { ExpectedBatch } from '../bundle/check.ts';
import type { ProtocolVersion } from '../ids.ts';
import { batchCounts, batchHeader } from './batches.ts';
import { batchMessages } from './blocks.ts';
import { messagesHash } from './commitment.ts';

/** The batch does not exist, or the tree has not processed it. */
export class BatchNotReadyError extends Error {
  override readonly name = 'BatchNotReadyError';
}

/**
 * What a proof of the batch has to attest. The chain id is the caller's: the database does not hold it.
 * @throws BatchNotReadyError
 */
export async function expectedBatch(db: Db, batch: number, chainId: number): Promise<ExpectedBatch> {
  const [header, previous] = await Promise.all([batchHeader(db, batch), batchHeader(db, batch - 1)]);
  if (header === undefined) throw new BatchNotReadyError(`no batch ${batch} in the core database`);
  if (previous === undefined) throw new BatchNotReadyError(`batch ${batch} is the genesis: nothing is proven about it`);
  if (header.root === undefined || header.nextIndex === undefined) {
    throw new BatchNotReadyError(`batch ${batch} is sealed, but the state tree has not processed it yet`);
  }
  const [counts, messages, patch] = await Promise.all([
    batchCounts(db, batch),
    loadMessages(db, batch),
    latestPatch(db, header.minorVersion),
  ]);
  return {
    chainId,
    batch,
    version: { minor: header.minorVersion, patch },
    oldRoot: previous.root!,
    oldNextIndex: previous.nextIndex!,
    newRoot: header.root,
    newNextIndex: header.nextIndex,
    messagesHash: messagesHash(messages),
    records: counts.records,
    messages: counts.messages,
  };
}

/** Messages of a batch as the circuits take them. */
export async function loadMessages(db: Db, batch: number): Promise<Message[]> {
  return (await batchMessages(db, batch)).map(({ txIndex, sender, value }) => ({ tx: txIndex, sender, word: value }));
}

/** Patch in force for a minor version. */
export async function latestPatch(db: Db, minor: number): Promise<number> {
  const { rows } = await db.query<{ patch: number }>(
    'SELECT patch FROM protocol_patches WHERE minor = $1 ORDER BY patch DESC LIMIT 1',
    [minor],
  );
  return rows[0]?.patch ?? 0;
}

/** Hash of the wrapper key of a version, as upstream's `l1_verifier_config`. */
export async function wrapperVkHash(db: Db, version: ProtocolVersion): Promise<bigint | undefined> {
  const { rows } = await db.query<{ hash: Buffer }>(
    'SELECT snark_wrapper_vk_hash AS hash FROM protocol_patches WHERE minor = $1 AND patch = $2',
    [version.minor, version.patch],
  );
  return rows[0] && BigInt(`0x${rows[0].hash.toString('hex')}`);
}
