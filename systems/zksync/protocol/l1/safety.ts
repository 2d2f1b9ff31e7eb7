import { redactUrl } from '../../../../lib/redact.ts';

/** Chain ids of local L1s: zkstack's localhost network, and anvil's own default. */
export const LOCAL_CHAIN_IDS: readonly number[] = [9, 31337];

/** Deploying there could make somebody trust what cannot be trusted. */
export class UnsafeL1Error extends Error {
  override readonly name = 'UnsafeL1Error';
}

/** True for localhost, 127.0.0.0/8 and ::1; names are not resolved. */
export function isLoopback(rpcUrl: string): boolean {
  if (!URL.canParse(rpcUrl)) return false;
  const host = new URL(rpcUrl).hostname;
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * The reference variant deploys only to an L1 of this machine: under the dev CRS anybody can forge a proof, a linked
 * proof attests nothing about the batch, and localhost wallets are everybody's. @throws UnsafeL1Error
 */
export function assertLocalL1(l1: { rpcUrl: string; chainId: number; crs?: string; aggregation?: string }): void {
  const local = isLoopback(l1.rpcUrl) && LOCAL_CHAIN_IDS.includes(l1.chainId);
  if (local) return;
  const keys = l1.crs === undefined ? '' : ` (CRS ${l1.crs}, aggregation ${l1.aggregation})`;
  throw new UnsafeL1Error(
    `L1 ${redactUrl(l1.rpcUrl)} has chain id ${l1.chainId}: the reference variant${keys} goes only to an L1 on loopback with chain id ${LOCAL_CHAIN_IDS.join(' or ')}; ` +
      'use --l1-network localhost --l1-rpc-url http://127.0.0.1:8545',
  );
}
