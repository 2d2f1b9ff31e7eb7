/** Decides what goes to L1 next: commit, then prove, then execute, batch by batch. */
import type { Hex } from 'viem';
import { decodeProofFile } from '../../../protocol/bundle/proof-file.ts';
import { batchHeader } from '../../../protocol/core-db/batches.ts';
import { type EthTxType, nextBatchToSend, queueEthTx } from '../../../protocol/core-db/eth-txs.ts';
import { expectedBatch, loadMessages } from '../../../protocol/core-db/expected.ts';
import { proofState, saveProofError } from '../../../protocol/core-db/proof-generation.ts';
import { encodeCommit, encodeExecute, encodeProve } from '../../../protocol/l1/rollup.ts';
import { coreFinalProofKey } from '../../../protocol/store/keys.ts';
import { getObject } from '../../../protocol/store/object-store.ts';
import type { ServerContext } from '../context.ts';
import type { ProofChecker } from '../proofs/checker.ts';
import type { Task, TaskContext } from '../tasks.ts';
import { checkRollup, type L1Context, senderOf } from './l1.ts';

export function aggregatorTask(server: ServerContext, l1: L1Context, checker: ProofChecker): Task {
  let senders: Record<EthTxType, Hex> | undefined;
  return {
    component: 'eth_tx_aggregator',
    topics: ['commitment', 'proof_generation_details', 'eth_txs'],
    idleMs: server.config.devkit.fast.idleIntervalMs,
    run: async (context) => {
      senders ??= await findSenders(server, l1);
      for (const type of ['ExecuteBlocks', 'PublishProofBlocksOnchain', 'CommitBlocks'] as const) {
        const batch = await nextBatchToSend(server.pool, type);
        if (batch === undefined) continue;
        const data = await calldata(server, checker, type, batch, context);
        if (data === undefined) continue;
        await queueEthTx(server.pool, { type, batch, from: senders[type], to: l1.rollup, data });
        context.log.info({ batch, type }, 'transaction to L1 queued');
        return 'again';
      }
      return 'idle';
    },
  };
}

async function findSenders(server: ServerContext, l1: L1Context): Promise<Record<EthTxType, Hex>> {
  const genesis = await batchHeader(server.pool, 0);
  const state = await checkRollup(server, l1, genesis!.root!);
  return {
    CommitBlocks: senderOf(l1, state, 'CommitBlocks').address,
    PublishProofBlocksOnchain: senderOf(l1, state, 'PublishProofBlocksOnchain').address,
    ExecuteBlocks: senderOf(l1, state, 'ExecuteBlocks').address,
  };
}

/** Undefined when the batch is not ready for the step. */
async function calldata(
  server: ServerContext,
  checker: ProofChecker,
  type: EthTxType,
  batch: number,
  context: TaskContext,
): Promise<Hex | undefined> {
  if (type === 'CommitBlocks') return commitCalldata(server, batch);
  if (type === 'ExecuteBlocks') return encodeExecute(BigInt(batch));
  return proveCalldata(server, checker, batch, context);
}

async function commitCalldata(server: ServerContext, batch: number): Promise<Hex> {
  const [header, expected, messages] = await Promise.all([
    batchHeader(server.pool, batch),
    expectedBatch(server.pool, batch, server.chainId),
    loadMessages(server.pool, batch),
  ]);
  return encodeCommit({
    number: BigInt(batch),
    timestamp: BigInt(header!.timestamp),
    newRoot: expected.newRoot,
    newNextIndex: BigInt(expected.newNextIndex),
    records: expected.records,
    messages,
    commitment: header!.commitment!,
  });
}

/** A proof goes to L1 only after the check of the whole bundle: what L1 verifies may attest less than the batch. */
async function proveCalldata(
  server: ServerContext,
  checker: ProofChecker,
  batch: number,
  { signal, log }: TaskContext,
): Promise<Hex | undefined> {
  if ((await proofState(server.pool, batch))?.status !== 'generated') return undefined;
  const file = await getObject(server.store, coreFinalProofKey(batch, server.version));
  const { verdict, reason, proofs } = await checker.check(batch, file, signal);
  if (verdict === 'rejected') {
    const text = `the proof of batch ${batch} is not valid and does not go to L1: ${reason}`;
    await saveProofError(server.pool, batch, text);
    log.error({ batch, proofs }, text);
    return undefined;
  }
  log.info({ batch, proofs }, 'proof accepted by the bundle check');
  const { proof, publicInputs } = decodeProofFile(file).final.proofs[0]!;
  return encodeProve(BigInt(batch), proof, publicInputs);
}
