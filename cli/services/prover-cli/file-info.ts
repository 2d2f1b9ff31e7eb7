/** `file-info`: what a file of an object store is. */
import { readFile } from 'node:fs/promises';
import { decodeProofFile } from '../../../systems/zksync/protocol/bundle/proof-file.ts';
import { formatVersion } from '../../../systems/zksync/protocol/ids.ts';
import { decodeCbor } from '../../../systems/zksync/protocol/wire/cbor.ts';
import {
  decodeMerklePaths,
  decodeVmRunData,
  decodeWitnessInput,
} from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { DevkitError } from '../../core/errors.ts';

export interface FileInfo {
  file: string;
  bytes: number;
  /** `witness input`, `final proof`, `Merkle paths`, `VM run data`, `blob: <kind>`. */
  kind: string;
  facts: Record<string, string | number>;
}

/** @throws DevkitError NOT_FOUND, or CONFIG_INVALID for a file of another kind */
export async function fileInfo(file: string): Promise<FileInfo> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new DevkitError('NOT_FOUND', `cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
  for (const look of [asWitnessInput, asFinalProof, asMerklePaths, asRunData, asBlob]) {
    const found = attempt(() => look(bytes));
    if (found) return { file, bytes: bytes.length, ...found };
  }
  throw new DevkitError('CONFIG_INVALID', `${file} is no file of a devkit object store (${bytes.length} bytes)`, {
    hint: 'files made by EraVM components need --variant upstream',
  });
}

type Found = Pick<FileInfo, 'kind' | 'facts'>;

/** A file that is something else makes the decoder throw: that is the answer "no". */
function attempt(look: () => Found): Found | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function asWitnessInput(bytes: Uint8Array): Found {
  const input = decodeWitnessInput(bytes);
  const run = input.vmRunData.devkit;
  return {
    kind: 'witness input',
    facts: {
      batch: run.batchNumber,
      chainId: run.chainId,
      storageLogs: run.storageLogs.length,
      messages: run.l2ToL1Messages.length,
      merklePaths: input.merklePaths.merklePaths.length,
    },
  };
}

function asFinalProof(bytes: Uint8Array): Found {
  const { final, protocolVersion } = decodeProofFile(bytes);
  return {
    kind: 'final proof',
    facts: {
      protocolVersion: formatVersion(protocolVersion),
      aggregation: final.aggregation,
      proofs: final.proofs.length,
    },
  };
}

const asMerklePaths = (bytes: Uint8Array): Found => ({
  kind: 'Merkle paths',
  facts: { entries: decodeMerklePaths(bytes).merklePaths.length },
});

const asRunData = (bytes: Uint8Array): Found => ({
  kind: 'VM run data',
  facts: { batch: decodeVmRunData(bytes).devkit.batchNumber },
});

function asBlob(bytes: Uint8Array): Found {
  const value = decodeCbor(bytes, 'file') as Record<string, unknown> | null;
  if (value?.['format'] !== 'devkit') throw new Error('not a blob');
  const { format: _, kind, ...rest } = value;
  const facts = Object.entries(rest).flatMap(([name, fact]): [string, string | number][] => {
    if (typeof fact === 'number' || typeof fact === 'string') return [[name, fact]];
    if (Array.isArray(fact)) return [[name, `${fact.length} entries`]];
    return fact instanceof Uint8Array ? [[name, `${fact.length} bytes`]] : [];
  });
  return { kind: `blob: ${String(kind)}`, facts: Object.fromEntries(facts) };
}

export const fileInfoLines = (info: FileInfo): string[] => [
  `${info.file}: ${info.kind}, ${info.bytes} bytes`,
  ...Object.entries(info.facts).map(([name, value]) => `  ${name}: ${value}`),
];
