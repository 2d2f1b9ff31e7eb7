/** `server [run]`, `server wait`, `server build`: upstream's flags. */
import { DevkitError } from '../core/errors.ts';
import { type CommandContext, defineCommand, defineGroup } from './define.ts';
import { choice, flag, type InputOf, int, list, nearest, text } from './options.ts';

/** Every name upstream's server takes; the reference server itself says which of them it has. */
const KNOWN_COMPONENTS = [
  'api',
  'http_api',
  'ws_api',
  'contract_verification_api',
  'tree',
  'tree_api',
  'state_keeper',
  'housekeeper',
  'eth_proof_manager',
  'eth',
  'eth_watcher',
  'eth_tx_aggregator',
  'eth_tx_manager',
  'proof_data_handler',
  'airbender_proof_data_handler',
  'tee_proof_data_handler',
  'consensus',
  'commitment_generator',
  'da_dispatcher',
  'vm_runner_protective_reads',
  'base_token_ratio_persister',
  'vm_runner_bwip',
  'vm_playground',
  'external_proof_integration_api',
];

const runOptions = {
  components: list("what to run, comma list or repeated; default: the kit's proving list", { placeholder: 'list' }),
  genesis: flag('run genesis, then end'),
  uring: flag('accepted: there is no RocksDB'),
  variant: choice("whose server: devkit's own, or zksync-era's", ['reference', 'upstream']),
  tag: text('variant upstream: tag of its image', { placeholder: 'tag' }),
  stack: text('file that says variant, tag, images and programs; default: devkit.yaml', { placeholder: 'file' }),
  serverCommand: text('another server program: not in the reference variant', { placeholder: 'command' }),
};

const runCommand = defineCommand({
  name: 'run',
  summary: 'run the server of a chain in the foreground',
  about: 'Runs until Ctrl-C. Database, L1 and L2 are started where they do not run.',
  examples: [
    'server',
    'server --components=api,tree,eth,state_keeper,housekeeper,commitment_generator,da_dispatcher,proof_data_handler,vm_runner_protective_reads,vm_runner_bwip',
    'server wait --timeout 60',
  ],
  options: runOptions,
  passThrough: true,
  foreground: true,
  output: async () => (await import('../services/results.ts')).serverRunResult,
  async run(ctx, input) {
    const components = checkServer(ctx, input);
    const { serverRun } = await import('../services/server.ts');
    const stack = { file: input.stack, flags: { variant: input.variant, tag: input.tag } };
    return serverRun(await ctx.service(), { chain: ctx.globals.chain, components, genesis: input.genesis, stack });
  },
  render: (data) => [`server: ended ${data.signal ?? `with exit code ${data.exitCode}`}`],
  exitCode: (data) => (data.exitCode === 0 || data.exitCode === null ? 0 : 4),
});

function checkServer(
  ctx: CommandContext,
  input: InputOf<unknown, typeof runOptions> & { rest: string[] },
): string[] | undefined {
  if (input.serverCommand !== undefined) {
    throw new DevkitError('USAGE', '--server-command: the reference variant runs its own server', {
      hint: 'leave --server-command out',
    });
  }
  if (input.rest.length > 0) {
    throw new DevkitError('USAGE', `the server takes no further arguments, not "${input.rest.join(' ')}"`, {
      hint: 'devkit server --help',
    });
  }
  if (input.uring) ctx.notice('--uring is ignored: the reference server has no RocksDB');
  const unknown = input.components?.find((name) => !KNOWN_COMPONENTS.includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, KNOWN_COMPONENTS);
    throw new DevkitError('USAGE', `the server has no component "${unknown}"`, {
      hint: near ? `did you mean ${near}?` : `there are ${KNOWN_COMPONENTS.join(', ')}`,
    });
  }
  return input.components;
}

const waitCommand = defineCommand({
  name: 'wait',
  summary: "wait until the server's health check answers",
  examples: ['server wait', 'server wait --timeout 120 --poll-interval 500'],
  options: {
    timeout: int('seconds to wait at most; default: for ever', { short: 't', placeholder: 'seconds' }),
    pollInterval: int('milliseconds between two questions, default 100', { min: 1, placeholder: 'ms' }),
  },
  output: async () => (await import('../services/results.ts')).serverWaitResult,
  async run(ctx, input) {
    const { serverWait } = await import('../services/server.ts');
    return serverWait(await ctx.service(), {
      chain: ctx.globals.chain,
      timeoutMs: input.timeout === undefined ? undefined : input.timeout * 1000,
      pollIntervalMs: input.pollInterval ?? 100,
    });
  },
  render: (data) => [`the server is ready (${data.url})`],
});

const buildCommand = defineCommand({
  name: 'build',
  summary: 'accepted for compatibility: there is nothing to build',
  output: async () => (await import('../services/results.ts')).serverBuildResult,
  async run() {
    return { built: false };
  },
  render: () => ['the reference server is run as it is: nothing to build'],
});

export const serverGroup = defineGroup({
  name: 'server',
  summary: 'run the server of a chain',
  own: runCommand,
  commands: [runCommand, waitCommand, buildCommand],
});
