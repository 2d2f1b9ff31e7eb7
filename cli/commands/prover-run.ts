/** `prover run`: one component in the foreground, or all of them. */
import { DevkitError } from '../core/errors.ts';
import { PROVER_COMPONENTS, type ProverComponent, type ProverRunInput, WITNESS_ROUNDS } from '../services/inputs.ts';
import { type CommandContext, defineCommand } from './define.ts';
import { choice, flag, type InputOf, int, nearest, optionalBool, text } from './options.ts';

/** Flags that belong to one component only. */
const OWN_FLAGS = {
  round: 'witness-generator',
  threads: 'circuit-prover',
  lightWvgCount: 'circuit-prover',
  heavyWvgCount: 'circuit-prover',
  maxAllocation: 'circuit-prover',
  mode: 'compressor',
} as const satisfies Record<string, ProverComponent>;

const runOptions = {
  component: text(`which one: ${PROVER_COMPONENTS.join(', ')}`, { placeholder: 'name' }),
  all: flag('all of them; those that die are started again'),
  round: choice('witness-generator: the round', WITNESS_ROUNDS),
  threads: int('circuit-prover: threads that make witness vectors', {
    short: 't',
    min: 1,
    max: 1024,
    conflicts: ['lightWvgCount', 'heavyWvgCount'],
  }),
  lightWvgCount: int('circuit-prover: threads for light jobs', {
    short: 'l',
    max: 1024,
    oldNames: ['light_wvg_count'],
  }),
  heavyWvgCount: int('circuit-prover: threads for heavy jobs', {
    short: 'h',
    max: 1024,
    oldNames: ['heavy_wvg_count'],
  }),
  maxAllocation: int('circuit-prover: bytes of GPU memory; the reference prover uses none', {
    short: 'm',
    max: Number.MAX_SAFE_INTEGER,
  }),
  mode: choice('compressor: kind of wrapper proof', ['plonk', 'fflonk']),
  docker: optionalBool(
    'run it in a container, also beside processes; --docker=false as a process, also beside containers',
  ),
  variant: choice("whose components: devkit's own, or the project's programs", ['reference', 'upstream']),
  tag: text('variant upstream: tag of its images', { placeholder: 'tag' }),
  stack: text('file that says variant, tag, images, programs and devices; default: devkit.yaml', {
    placeholder: 'file',
  }),
};
type RunFlags = InputOf<unknown, typeof runOptions>;

export const proverRunCommand = defineCommand({
  name: 'run',
  summary: 'run a prover component in the foreground, or all of them with --all',
  about:
    'Runs until Ctrl-C. Components can be started in any order: what is not there yet is waited for. --component=prover is an old name of circuit-prover; witness vectors are made inside circuit-prover. Help is --help only: -h is the count of heavy threads, as upstream.',
  examples: [
    'prover run --component=gateway',
    'prover run --component=witness-generator --round=all-rounds',
    'prover run --component=circuit-prover --threads 2',
    'prover run --component=circuit-prover -l 1 -h 1',
    'prover run --component=compressor',
    'prover run --component=compressor --docker',
    'prover run --component=gateway --variant upstream --docker --tag 2.0-0.31.0-1a2b3c4-1751450000000',
    'prover run --component=prover-job-monitor',
    'prover run --all',
  ],
  options: runOptions,
  foreground: true,
  output: async () => (await import('../services/results.ts')).proverRunResult,
  async run(ctx, input) {
    const wanted = await toRunInput(ctx, input);
    const { proverRun } = await import('../services/prover-run.ts');
    // --runtime is about this component, not about the devnet it belongs to
    const service = await ctx.service();
    return proverRun(wanted.all ? service : { ...service, runtime: undefined }, wanted);
  },
  render: (data) =>
    data.components.map(({ id, exitCode, signal }) => `${id}: ended ${signal ?? `with exit code ${exitCode}`}`),
  exitCode: (data) => (data.components.some(({ exitCode }) => exitCode !== 0 && exitCode !== null) ? 4 : 0),
});

async function toRunInput(ctx: CommandContext, input: RunFlags): Promise<ProverRunInput> {
  const { chain } = ctx.globals;
  const stack = { file: input.stack, flags: { variant: input.variant, tag: input.tag } };
  if (input.all) {
    if (input.component !== undefined) throw new DevkitError('USAGE', '--all and --component exclude each other');
    refuseForeignFlags(input, 'circuit-prover', '--all');
    return { all: true, chain, stack, threads: input.threads };
  }
  const component = await askComponent(ctx, input);
  refuseForeignFlags(input, component, `--component=${component}`);
  if ((input.lightWvgCount === undefined) !== (input.heavyWvgCount === undefined)) {
    throw new DevkitError('USAGE', '--light-wvg-count and --heavy-wvg-count belong together', {
      hint: 'devkit prover run --component=circuit-prover -l 1 -h 1',
    });
  }
  return {
    all: false,
    chain,
    stack,
    component,
    runtime: input.docker === undefined ? ctx.globals.runtime : input.docker ? 'docker' : 'process',
    round: component === 'witness-generator' ? (input.round ?? (await askRound(ctx))) : undefined,
    threads: input.threads,
    lightWvgCount: input.lightWvgCount,
    heavyWvgCount: input.heavyWvgCount,
    maxAllocation: input.maxAllocation,
    mode: input.mode,
  };
}

async function askComponent(ctx: CommandContext, input: RunFlags): Promise<ProverComponent> {
  const given = input.component;
  if (given === undefined) {
    return ctx.ask.choice({
      flag: '--component',
      question: 'Which component?',
      choices: PROVER_COMPONENTS,
      default: missingComponent(ctx),
    });
  }
  if (given === 'prover') {
    ctx.notice('--component=prover is the old name of circuit-prover, which is started');
    return 'circuit-prover';
  }
  if (given === 'witness-vector-generator') {
    throw new DevkitError(
      'USAGE',
      'there is no witness-vector-generator: witness vectors are made inside circuit-prover',
      {
        hint: 'devkit prover run --component=circuit-prover --threads 2',
      },
    );
  }
  const found = PROVER_COMPONENTS.find((name) => name === given);
  if (found) return found;
  const near = nearest(given, PROVER_COMPONENTS);
  throw new DevkitError('USAGE', `there is no component "${given}"; there are ${PROVER_COMPONENTS.join(', ')}`, {
    hint: `devkit prover run --component=${near ?? 'gateway'}`,
  });
}

/** A question without a default: off a terminal it is an error that names the flag. */
function missingComponent(ctx: CommandContext): ProverComponent {
  if (ctx.interactive) return 'gateway';
  throw new DevkitError('USAGE', '--component is missing', {
    hint: 'devkit prover run --all   or   devkit prover run --component=gateway',
  });
}

const askRound = (ctx: CommandContext) =>
  ctx.ask.choice({ flag: '--round', question: 'Which round?', choices: WITNESS_ROUNDS, default: 'all-rounds' });

function refuseForeignFlags(input: RunFlags, component: ProverComponent, said: string): void {
  for (const [key, owner] of Object.entries(OWN_FLAGS)) {
    const allowed = owner === component && (said !== '--all' || key === 'threads');
    if (input[key as keyof typeof OWN_FLAGS] === undefined || allowed) continue;
    const name = key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    throw new DevkitError('USAGE', `--${name} belongs to --component=${owner}, not to ${said}`);
  }
}
