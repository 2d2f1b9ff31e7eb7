/** `devkit tx send`: signed transactions that give a batch something to prove. */
import { richWallets } from '../../systems/zksync/protocol/l1/genesis.ts';
import { type SentTransaction, sendTraffic } from '../../systems/zksync/protocol/l2/traffic.ts';
import { DevkitError } from '../core/errors.ts';
import type { ServiceContext } from './context.ts';
import { apiUrl, type OpenDevnet, openDevnet } from './devnet.ts';
import type { TxSendInput, TxSendResult } from './inputs.ts';

export async function txSend(ctx: ServiceContext, input: TxSendInput): Promise<TxSendResult> {
  return sendTo(await openDevnet(ctx, input.chain), input, ctx.signal);
}

/** The first rich wallet sends; every fourth slot is written twice. */
export async function sendTo(
  devnet: OpenDevnet,
  input: Pick<TxSendInput, 'slots' | 'messages' | 'transfers'>,
  signal: AbortSignal,
): Promise<TxSendResult> {
  const sender = richWallets()[0]!;
  const { contract, txs } = await sendTraffic({
    rpcUrl: apiUrl(devnet),
    privateKey: sender.private_key,
    slots: input.slots,
    overwrites: Math.floor(input.slots / 4),
    messages: input.messages,
    transfers: input.transfers,
    seed: Date.now(),
    signal,
  }).catch((cause: unknown) => {
    throw new DevkitError(
      'COMPONENT_FAILED',
      `cannot send to ${apiUrl(devnet)}: ${(cause as Error).message.split('\n')[0]}`,
      {
        hint: 'devkit up',
        cause,
      },
    );
  });
  return {
    chainId: devnet.chain.chainId,
    contract,
    transactions: txs.map(({ hash, what, blockNumber }) => ({ hash, kind: kindOf(what), block: Number(blockNumber) })),
  };
}

function kindOf(what: SentTransaction['what']): TxSendResult['transactions'][number]['kind'] {
  if (what.startsWith('deploy')) return 'deploy';
  if (what.startsWith('write')) return 'store';
  return what === 'transfer' ? 'transfer' : 'message';
}
