/** `status l1`: what L1 knows of the chain, and whether its verifier has the prover's key. */
import { listBatches } from '../../../systems/zksync/protocol/core-db/details.ts';
import { publicClient } from '../../../systems/zksync/protocol/l1/clients.ts';
import { readRollup } from '../../../systems/zksync/protocol/l1/rollup.ts';
import { listVersions } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { openDevnet, serverUrl, withDatabase } from '../devnet.ts';
import { withProverDb } from '../ecosystem/protocol-versions.ts';
import { rollupAddress } from '../verify.ts';

export interface L1Status {
  firstBatch: number | null;
  recentBatch: number | null;
  verified: number;
  committed: number;
  contractHash: string;
  /** Of the newest protocol version; null when the prover database has none. */
  dbHash: string | null;
}

const ALL = 1_000_000;

export async function statusL1(ctx: ServiceContext, proverUrl: string, chain?: string): Promise<L1Status> {
  const devnet = await openDevnet(ctx, chain);
  const rollup = rollupAddress(devnet);
  if (rollup === undefined) {
    throw new DevkitError('NOT_FOUND', `chain '${devnet.chain.name}' has no contracts on L1 yet`, {
      hint: `devkit chain init --chain ${devnet.chain.name}`,
    });
  }
  const numbers = (await withDatabase(serverUrl(devnet), (pool) => listBatches(pool, ALL))).map(
    (batch) => batch.number,
  );
  const [version] = await withProverDb(proverUrl, (pool) => listVersions(pool));
  const rpcUrl = devnet.config.l1.rpcUrl ?? `http://127.0.0.1:${devnet.ports.l1}`;
  const state = await readRollup(publicClient({ rpcUrl, chainId: 0 }), rollup);
  return {
    firstBatch: numbers.length === 0 ? null : Math.min(...numbers),
    recentBatch: numbers.length === 0 ? null : Math.max(...numbers),
    verified: Number(state.verified),
    committed: Number(state.committed),
    contractHash: state.verificationKeyHash,
    dbHash: version ? `0x${version.snarkWrapperVkHash.toString(16).padStart(64, '0')}` : null,
  };
}

export function l1Lines(status: L1Status): string[] {
  const { firstBatch, recentBatch, verified, committed, contractHash, dbHash } = status;
  const lines = [
    ' ====== L1 Status ====== ',
    `State keeper: First batch: ${firstBatch}, recent batch: ${recentBatch}`,
    `L1 state: block verified: ${verified}, block committed: ${committed}`,
  ];
  const behind = (recentBatch ?? 0) - committed;
  if (behind > 0) {
    lines.push(
      `Eth sender is ${behind} behind. Last block committed: ${committed}. Most recent sealed state keeper batch: ${recentBatch}.`,
    );
  }
  lines.push(' -----------------------');
  if (dbHash !== null && BigInt(dbHash) === BigInt(contractHash)) {
    return [...lines, `Verifier key hash matches: ${contractHash}`];
  }
  return [
    ...lines,
    'Verifier key hash in DB differs from the one in contract.',
    `Contract hash: ${contractHash}`,
    `DB hash: ${dbHash}`,
  ];
}
