import { type Hex, type PublicClient, parseEther, toHex } from 'viem';
import { retry } from '../../../../lib/retry.ts';
import { publicClient, walletClient } from './clients.ts';
import { assertLocalL1 } from './safety.ts';
import { L1Error, l1ChainId, sendOnL1, shortReason } from './send.ts';
import { testWallets } from './wallets.ts';

/** Index of the rich account that pays; none of the ecosystem's localhost wallets, whose nonces others use. */
const PAYER_INDEX = 9;

/** What every chain wallet gets on a local L1 (zkstack `distribute_eth`: 1000 ETH). */
export const WALLET_FUNDING = parseEther('1000');

/**
 * Gives money on a local L1 to those of the addresses that have less than half of `amount` (wei), out of a rich account
 * of the test mnemonic; on an anvil where that one has none, by setting the balance. Answers with those that got some.
 * @throws UnsafeL1Error when the L1 is not a local one, L1Error when it has no money to give
 */
export async function fundWallets(options: {
  rpcUrl: string;
  addresses: readonly Hex[];
  amount?: bigint;
  signal: AbortSignal;
}): Promise<Hex[]> {
  const { rpcUrl, signal, amount = WALLET_FUNDING } = options;
  const chainId = await l1ChainId(rpcUrl);
  assertLocalL1({ rpcUrl, chainId });
  const client = publicClient({ rpcUrl, chainId });
  const wallet = walletClient({ rpcUrl, chainId }, testWallets(0, PAYER_INDEX + 1)[PAYER_INDEX]!.private_key);
  const funded: Hex[] = [];
  for (const to of new Set(options.addresses)) {
    if ((await client.getBalance({ address: to })) >= amount / 2n) continue;
    if ((await client.getBalance({ address: wallet.account.address })) < 2n * amount) await mint(client, to, amount);
    else {
      const send = () => sendOnL1({ client, wallet }, { to, value: amount }, 'funding');
      // two chains may be funded at the same time: a nonce taken in between is worth another try
      const retryIf = (error: unknown) => /nonce|underpriced/i.test(String(error));
      await retry(send, { attempts: 5, delayMs: 50, retryIf, signal });
    }
    funded.push(to);
  }
  return funded;
}

async function mint(client: PublicClient, address: Hex, amount: bigint): Promise<void> {
  try {
    await client.request({ method: 'anvil_setBalance', params: [address, toHex(amount)] } as never);
  } catch (cause) {
    throw new L1Error(
      `no money for ${address}: the L1 is no anvil and its account m/44'/60'/0'/0/${PAYER_INDEX} of the test mnemonic has none (${shortReason(cause)})`,
      { cause },
    );
  }
}
