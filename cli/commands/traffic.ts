/** `tx send`, `batch list|seal`. */
import { table } from '../output/table.ts';
import { defineCommand, defineGroup } from './define.ts';
import { int } from './options.ts';

const sendCommand = defineCommand({
  name: 'send',
  summary: 'send signed L2 transactions: storage writes, messages, transfers',
  examples: ['tx send', 'tx send --slots 64 --messages 8 --transfers 4'],
  options: {
    slots: int('distinct contract slots to write, default 32', { max: 4096 }),
    messages: int('L2 to L1 messages, default 2', { max: 1024 }),
    transfers: int('transfers of ETH, default 1', { max: 1024 }),
  },
  output: async () => (await import('../services/results.ts')).txSendResult,
  async run(ctx, input) {
    const { txSend } = await import('../services/traffic.ts');
    return txSend(await ctx.service(), {
      chain: ctx.globals.chain,
      slots: input.slots ?? 32,
      messages: input.messages ?? 2,
      transfers: input.transfers ?? 1,
    });
  },
  render: (data) => [
    ...table(data.transactions.map(({ kind, hash, block }) => [kind, hash, `block ${block}`])),
    `${data.transactions.length} transactions on chain ${data.chainId}`,
  ],
});

export const txGroup = defineGroup({ name: 'tx', summary: 'send L2 transactions', commands: [sendCommand] });

interface Row {
  number: number;
  state: string;
  records: number | null;
  messages: number | null;
  sealedAt: string | null;
}

const rows = (batches: readonly Row[]): string[] =>
  table([
    ['batch', 'state', 'records', 'messages', 'sealed'],
    ...batches.map((batch) => [
      String(batch.number),
      batch.state,
      String(batch.records ?? '-'),
      String(batch.messages ?? '-'),
      batch.sealedAt ?? '-',
    ]),
  ]);

const listCommand = defineCommand({
  name: 'list',
  summary: 'the batches of the chain, newest first',
  examples: ['batch list', 'batch list --limit 5 --json'],
  options: { limit: int('at most so many, default 20', { min: 1, max: 1000 }) },
  output: async () => (await import('../services/results.ts')).batchListResult,
  async run(ctx, input) {
    const { batchList } = await import('../services/batch.ts');
    return batchList(await ctx.service(), { chain: ctx.globals.chain, limit: input.limit ?? 20 });
  },
  render: (data) => rows(data.batches),
});

const sealCommand = defineCommand({
  name: 'seal',
  summary: 'seal the open batch now; an empty one is never sealed',
  examples: ['batch seal'],
  output: async () => (await import('../services/results.ts')).batchSealResult,
  async run(ctx) {
    const { batchSeal } = await import('../services/batch.ts');
    const { chain, timeoutMs } = ctx.globals;
    return batchSeal(await ctx.service(), { chain, timeoutMs });
  },
  render: (data) => rows([data.batch]),
});

export const batchGroup = defineGroup({
  name: 'batch',
  summary: 'list and seal batches',
  commands: [listCommand, sealCommand],
});
