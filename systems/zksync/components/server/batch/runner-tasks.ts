/** What upstream's VM runners make from a sealed batch: the prover's run data, and the protective reads. */
import { nextBatchForProtectiveReads, saveProtectiveReads } from '../../../protocol/core-db/batches.ts';
import { batchMessages, batchStorageLogs } from '../../../protocol/core-db/blocks.ts';
import { nextBatchForRunData, saveRunDataUrl } from '../../../protocol/core-db/proof-generation.ts';
import { vmRunDataKey } from '../../../protocol/store/keys.ts';
import { putObject } from '../../../protocol/store/object-store.ts';
import { encodeVmRunData, type VmRunData } from '../../../protocol/wire/witness-input.ts';
import type { ServerContext } from '../context.ts';
import type { Task } from '../tasks.ts';

/** Writes `vm_run_data_<n>.cbor`: the batch's storage records and messages. */
export function witnessInputTask(server: ServerContext): Task {
  return {
    component: 'vm_runner_bwip',
    topics: ['l1_batches'],
    idleMs: server.config.devkit.fast.idleIntervalMs,
    run: async ({ log }) => {
      const batch = await nextBatchForRunData(server.pool);
      if (batch === undefined) return 'idle';
      const data = await loadRunData(server, batch);
      const url = await putObject(server.store, vmRunDataKey(batch), encodeVmRunData(data));
      await saveRunDataUrl(server.pool, batch, url);
      log.info({ batch, records: data.devkit.storageLogs.length }, 'witness input data written');
      return 'again';
    },
  };
}

/** The run data of a sealed batch. Fields that describe an EraVM run are empty: no EraVM ran. */
export async function loadRunData(
  server: Pick<ServerContext, 'pool' | 'chainId' | 'version'>,
  batch: number,
): Promise<VmRunData> {
  const [logs, messages] = await Promise.all([batchStorageLogs(server.pool, batch), batchMessages(server.pool, batch)]);
  const first = new Map<bigint, { address: bigint; key: bigint; value: bigint }>();
  for (const { hashedKey, address, key, valueRead } of logs) {
    if (!first.has(hashedKey)) first.set(hashedKey, { address, key, value: valueRead });
  }
  return {
    l1BatchNumber: batch,
    usedBytecodes: [],
    initialHeapContent: [],
    protocolVersion: server.version.minor,
    bootloaderCode: [],
    defaultAccountCodeHash: 0n,
    storageRefunds: [],
    pubdataCosts: [],
    witnessBlockState: { readStorageKey: [...first.values()], isWriteInitial: [] },
    devkit: {
      batchNumber: batch,
      chainId: server.chainId,
      storageLogs: logs.map((log) => ({
        address: log.address,
        key: log.key,
        readValue: log.valueRead,
        writtenValue: log.value,
        isWrite: true,
        txIndex: log.txIndex,
      })),
      l2ToL1Messages: messages,
    },
  };
}

/** Records the slots that a batch changed and set back: their net effect is a read. */
export function protectiveReadsTask(server: ServerContext): Task {
  return {
    component: 'vm_runner_protective_reads',
    topics: ['l1_batches'],
    idleMs: server.config.devkit.fast.idleIntervalMs,
    run: async () => {
      const batch = await nextBatchForProtectiveReads(server.pool);
      if (batch === undefined) return 'idle';
      const slots = new Map<bigint, { address: bigint; key: bigint; initial: bigint; final: bigint }>();
      for (const log of await batchStorageLogs(server.pool, batch)) {
        const slot = slots.get(log.hashedKey);
        if (slot) slot.final = log.value;
        else slots.set(log.hashedKey, { address: log.address, key: log.key, initial: log.valueRead, final: log.value });
      }
      const reads = [...slots.values()].filter((slot) => slot.initial === slot.final);
      await saveProtectiveReads(server.pool, batch, reads);
      return 'again';
    },
  };
}
