import {
  type Account,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type PublicClient,
  type Transport,
  type WalletClient,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

export interface ClientOptions {
  rpcUrl: string;
  chainId: number;
  /** How often receipts are asked for. */
  pollingMs?: number;
}

function chainOf({ rpcUrl, chainId }: ClientOptions): Chain {
  return defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
}

/** Reads from a node. No batching, no caching: local nodes answer in a millisecond. */
export function publicClient(options: ClientOptions): PublicClient {
  return createPublicClient({
    chain: chainOf(options),
    transport: http(options.rpcUrl, { retryCount: 0 }),
    pollingInterval: options.pollingMs ?? 20,
    cacheTime: 0,
  }) as PublicClient;
}

/** Signs locally and sends raw transactions. */
export function walletClient(options: ClientOptions, privateKey: Hex): WalletClient<Transport, Chain, Account> {
  return createWalletClient({
    account: privateKeyToAccount(privateKey),
    chain: chainOf(options),
    transport: http(options.rpcUrl, { retryCount: 0 }),
    pollingInterval: options.pollingMs ?? 20,
    cacheTime: 0,
  });
}
