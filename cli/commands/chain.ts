/** `chain create|init`: upstream's flags. */
import { askChain, CHAIN_OPTIONS, REMOVED_CHAIN_FLAGS } from './chain-flags.ts';
import { defineCommand, defineGroup } from './define.ts';
import { INIT_OPTIONS, initInput, refuseUnsupportedInit } from './init-flags.ts';
import { choice, flag } from './options.ts';

const createCommand = defineCommand({
  name: 'create',
  summary: 'make a further chain of the ecosystem',
  examples: [
    'chain create --prover-mode gpu',
    'chain create --chain-name second --chain-id 300 --prover-mode no-proofs',
  ],
  options: CHAIN_OPTIONS,
  removed: REMOVED_CHAIN_FLAGS,
  output: async () => (await import('../services/results.ts')).chainCreateResult,
  async run(ctx, input) {
    const { listChains, openEcosystem } = await import('../services/ecosystem/files.ts');
    const { createChain } = await import('../services/ecosystem/create.ts');
    const ecosystem = await openEcosystem(await ctx.service());
    const others = await listChains(ecosystem);
    const name = others.length === 0 ? 'era' : `chain_${others.length + 1}`;
    return createChain(ecosystem, await askChain(ctx, input, { name, setAsDefault: true }));
  },
  render: (data, style) => [`chain ${style.bold(data.chain)}, chain id ${data.chainId}, in ${data.dir}`],
});

const configsCommand = defineCommand({
  name: 'configs',
  summary: 'only the config files',
  options: { noPortReallocation: flag("keep upstream's ports, also for further chains") },
  output: async () => (await import('../services/results.ts')).chainConfigsResult,
  async run(ctx, input) {
    const { chainConfigs } = await import('../services/ecosystem/init.ts');
    return chainConfigs(await ctx.service(), {
      chain: ctx.globals.chain,
      noPortReallocation: input.noPortReallocation,
    });
  },
  render: (data) => [`config files of ${data.chain}: ${data.configs}`],
});

const initCommand = defineCommand({
  name: 'init',
  summary: 'config files, contracts on L1, genesis of the core database',
  about: 'Starts database and L1 where they do not run. The core database is made anew unless --dont-drop is given.',
  examples: ['chain init', 'chain init --chain second', 'chain init configs'],
  options: {
    ...INIT_OPTIONS,
    validiumType: choice('data availability of validium chains', ['no-da', 'avail', 'eigen-da']),
  },
  output: async () => (await import('../services/results.ts')).chainInitResult,
  async run(ctx, input) {
    refuseUnsupportedInit(ctx, input);
    const { chainInit } = await import('../services/ecosystem/init.ts');
    return chainInit(await ctx.service(), initInput(ctx, input));
  },
  render: (data, style) => [
    `chain ${style.bold(data.chain)} (${data.chainId}) is initialised`,
    `rollup ${data.rollup}, verifier ${data.verifier} on ${data.l1RpcUrl}${data.reusedContracts ? ' (were there)' : ''}`,
    `genesis root ${data.genesisRoot}`,
  ],
});

export const chainGroup = defineGroup({
  name: 'chain',
  aliases: ['c'],
  summary: 'create and initialise a chain',
  commands: [
    createCommand,
    defineGroup({ name: 'init', summary: initCommand.summary, own: initCommand, commands: [configsCommand] }),
  ],
});
