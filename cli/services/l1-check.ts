/** Whether the L1 that the chain is configured for is a local one and still has the chain's contracts. */
import { poll } from '../../lib/deadline.ts';
import { redactUrl } from '../../lib/redact.ts';
import { publicClient } from '../../systems/zksync/protocol/l1/clients.ts';
import { isLoopback, LOCAL_CHAIN_IDS } from '../../systems/zksync/protocol/l1/safety.ts';
import { DevkitError } from '../core/errors.ts';
import { hasServer, type OpenDevnet } from './devnet.ts';
import { variantOf } from './upstream.ts';
import { rollupAddress } from './verify.ts';

/** @throws DevkitError UNSAFE: proofs that must not be trusted would go to an L1 of somebody else */
export function refuseRemoteL1(rpcUrl: string): void {
  if (isLoopback(rpcUrl)) return;
  throw new DevkitError(
    'UNSAFE',
    `L1 ${redactUrl(rpcUrl)} is not on this machine: the reference variant goes only to an L1 on loopback, because its proofs must not be trusted elsewhere`,
    { hint: 'leave the L1 URL out: devkit starts one' },
  );
}

/**
 * Before anything waits for a transaction that L1 would never take. Waits up to 30 s for L1 itself. Nothing to do for a chain without
 * contracts. @throws DevkitError UNSAFE, COMPONENT_FAILED, NOT_FOUND
 */
export async function requireContracts(devnet: OpenDevnet, signal: AbortSignal): Promise<void> {
  const rollup = rollupAddress(devnet);
  const rpcUrl = devnet.config.l1.rpcUrl;
  // upstream's contracts and where they may be are upstream's business
  if (variantOf(devnet, devnet.stack) === 'upstream') return;
  if (!hasServer(devnet) || rollup === undefined || rpcUrl === undefined) return;
  refuseRemoteL1(rpcUrl);
  const chainId = devnet.config.genesis?.l1ChainId ?? 9;
  const client = publicClient({ rpcUrl, chainId });
  const found = await poll(() => client.getChainId().catch(() => undefined), {
    intervalMs: 50,
    timeoutMs: L1_MS,
    signal,
  }).catch((cause: unknown) => {
    if (signal.aborted) throw cause;
    throw new DevkitError('COMPONENT_FAILED', `the L1 at ${rpcUrl} does not answer`, { hint: 'devkit status', cause });
  });
  if (found !== chainId || !LOCAL_CHAIN_IDS.includes(found)) {
    throw new DevkitError(
      'UNSAFE',
      `the L1 at ${rpcUrl} has chain id ${found}, this chain belongs to chain id ${chainId}`,
      {
        hint: `set l1.l1_rpc_url in ${devnet.chain.paths.secrets} to http://127.0.0.1:${devnet.ports.l1}`,
      },
    );
  }
  if ((await client.getCode({ address: rollup })) !== undefined) return;
  throw new DevkitError(
    'NOT_FOUND',
    `there is no rollup contract at ${rollup} (${devnet.chain.paths.contracts}) on the L1 at ${rpcUrl}: that L1 was started anew`,
    {
      hint: `devkit chain init --chain ${devnet.chain.name} --dont-drop   (deploys it again; the server sends all batches again)`,
    },
  );
}

const L1_MS = 30_000;
