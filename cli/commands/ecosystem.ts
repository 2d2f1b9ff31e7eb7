/** `ecosystem create|init`, `containers`: upstream's flags. */
import { resolve } from 'node:path';
import type { ServiceContext } from '../services/context.ts';
import type { EcosystemCreateInput } from '../services/ecosystem/create.ts';
import { askChain, CHAIN_OPTIONS, type ChainFlags, REMOVED_CHAIN_FLAGS } from './chain-flags.ts';
import { type CommandContext, defineCommand, defineGroup } from './define.ts';
import { INIT_OPTIONS, initInput, refuseUnsupportedInit } from './init-flags.ts';
import { choice, flag, type InputOf, optionalBool, text } from './options.ts';

const DEFAULT_NAME = 'local_ecosystem';

const createOptions = {
  ecosystemName: text('name of the ecosystem, and of its folder', { placeholder: 'name' }),
  l1Network: choice('network of the L1', ['localhost', 'sepolia', 'holesky', 'mainnet']),
  linkToCode: text('checkout of zksync-era; only recorded, the reference variant needs none', { placeholder: 'path' }),
  ...CHAIN_OPTIONS,
  startContainers: optionalBool('start the database and the L1'),
  aggregation: choice('how proofs are aggregated', ['linked', 'recursive']),
  crs: text('reference string: dev, ignition, or a folder', { placeholder: 'name|path' }),
};
type CreateInput = InputOf<unknown, typeof createOptions>;

const createCommand = defineCommand({
  name: 'create',
  summary: 'make the folder of an ecosystem with its first chain',
  about:
    'Makes ./<name> with ZkStack.yaml, configs/ and chains/, and the first chain. What is not given is asked on a terminal, else it has its default.',
  examples: [
    'ecosystem create',
    'ecosystem create --l1-network=localhost --prover-mode=gpu --wallet-creation=localhost --l1-batch-commit-data-generator-mode=rollup --start-containers=true',
  ],
  options: createOptions,
  removed: REMOVED_CHAIN_FLAGS,
  output: async () => (await import('../services/results.ts')).ecosystemCreateResult,
  async run(ctx, input) {
    await ctx.prerequisites();
    const { slugify } = await import('../services/ecosystem/files.ts');
    const { createEcosystem } = await import('../services/ecosystem/create.ts');
    const wanted = await askEcosystem(ctx, input, slugify);
    const start =
      input.startContainers ??
      (await ctx.ask.confirm({
        flag: '--start-containers',
        question: 'Start the database and the L1?',
        default: true,
      }));
    const created = await createEcosystem(await ctx.service(), wanted);
    const result = {
      ecosystem: created.ecosystem.name,
      dir: created.ecosystem.paths.dir,
      devnet: created.ctx.paths.name,
      chain: created.chain,
    };
    if (!start) return { ...result, components: [] };
    const { ensureInfrastructure } = await import('../services/ecosystem/infrastructure.ts');
    await noticeWithoutContainers(ctx, created.ctx);
    return { ...result, ...(await ensureInfrastructure(created.ctx)) };
  },
  render: (data, style) => [
    `ecosystem ${style.bold(data.ecosystem)} in ${data.dir}`,
    `chain ${data.chain.chain}, chain id ${data.chain.chainId}`,
    ...data.components.map((component) => `${component.id}: ${component.url}`),
  ],
});

/** Upstream's words say containers; a devnet of processes has none. */
async function noticeWithoutContainers(ctx: CommandContext, service: ServiceContext): Promise<void> {
  const { runtimeName } = await import('../services/runtime.ts');
  if ((await runtimeName(service)) === 'docker') return;
  ctx.notice('runtime process: database and L1 run as processes of this machine, not in containers');
}

async function askEcosystem(
  ctx: CommandContext,
  input: CreateInput,
  slugify: (name: string) => string,
): Promise<EcosystemCreateInput> {
  const name = slugify(
    input.ecosystemName ??
      (await ctx.ask.text({ flag: '--ecosystem-name', question: 'Name of the ecosystem', default: DEFAULT_NAME })),
  );
  const l1Network =
    input.l1Network ??
    (await ctx.ask.choice({
      flag: '--l1-network',
      question: 'Network of the L1',
      choices: ['localhost', 'sepolia', 'holesky', 'mainnet'],
      default: 'localhost',
    }));
  const crs = input.crs ?? 'dev';
  return {
    name,
    parent: ctx.cwd,
    devnet: ctx.globals.devnet,
    l1Network,
    linkToCode: input.linkToCode === undefined ? undefined : ctx.path(input.linkToCode),
    proving: {
      aggregation: input.aggregation ?? 'linked',
      crs: crs === 'dev' || crs === 'ignition' ? crs : resolve(ctx.cwd, crs),
    },
    chain: await askChain(ctx, input as ChainFlags, { name: 'era', setAsDefault: true }),
  };
}

const initCommand = defineCommand({
  name: 'init',
  summary: 'start database and L1, deploy the contracts, run the genesis of every chain',
  examples: ['ecosystem init --dev', 'ecosystem init --ecosystem-only'],
  options: {
    ...INIT_OPTIONS,
    deployEcosystem: optionalBool('deploy the contracts (always done; false is refused)'),
    deployErc20: optionalBool('deploy test tokens: the reference variant has none'),
    ecosystemContractsPath: text('already deployed contracts: not used by the reference variant', {
      placeholder: 'path',
    }),
    ecosystemOnly: flag('database and L1 only, no chain'),
    observability: optionalBool('start the observability stack: not part of this build', { short: 'o' }),
    updateSubmodules: optionalBool('accepted: there are no submodules'),
    skipContractCompilationOverride: optionalBool('accepted: the contracts come compiled'),
    validiumType: choice('data availability of validium chains', ['no-da', 'avail', 'eigen-da']),
    supportL2LegacySharedBridgeTest: flag('accepted: there is no bridge'),
  },
  output: async () => (await import('../services/results.ts')).ecosystemInitResult,
  async run(ctx, input) {
    refuseUnsupportedInit(ctx, input);
    const { ecosystemInit } = await import('../services/ecosystem/init.ts');
    return ecosystemInit(await ctx.service(), {
      ...initInput(ctx, input),
      ecosystemOnly: input.ecosystemOnly,
    });
  },
  render: (data, style) => [
    `ecosystem ${style.bold(data.ecosystem)} is initialised`,
    ...data.chains.map(
      (chain) => `chain ${chain.chain} (${chain.chainId}): rollup ${chain.rollup} on ${chain.l1RpcUrl}`,
    ),
  ],
});

export const containersCommand = defineCommand({
  name: 'containers',
  summary: 'start the database and the L1 of the ecosystem',
  about:
    'Starts Postgres and the L1: in containers with --runtime docker, else as processes of this machine, on the same ports.',
  examples: ['containers'],
  options: { observability: optionalBool('start the observability stack: not part of this build', { short: 'o' }) },
  output: async () => (await import('../services/results.ts')).containersResult,
  async run(ctx, input) {
    refuseUnsupportedInit(ctx, { observability: input.observability });
    const { ensureInfrastructure } = await import('../services/ecosystem/infrastructure.ts');
    const service = await ctx.service();
    await noticeWithoutContainers(ctx, service);
    await (await import('../services/ecosystem/files.ts')).openEcosystem(service);
    return ensureInfrastructure(service);
  },
  render: (data) => data.components.map((component) => `${component.id}: ${component.url}`),
});

const changeDefaultCommand = defineCommand({
  name: 'change-default-chain',
  aliases: ['cd'],
  summary: 'choose the chain that commands act on',
  args: { name: { kind: 'text', about: 'name of the chain' } as const },
  output: async () => (await import('../services/results.ts')).defaultChainResult,
  async run(ctx, input) {
    const { changeDefaultChain } = await import('../services/ecosystem/default-chain.ts');
    return changeDefaultChain(await ctx.service(), String(input.name));
  },
  render: (data) => [`default chain: ${data.defaultChain}`],
});

export const ecosystemGroup = defineGroup({
  name: 'ecosystem',
  aliases: ['e'],
  summary: 'create and initialise an ecosystem',
  commands: [createCommand, initCommand, changeDefaultCommand],
});
