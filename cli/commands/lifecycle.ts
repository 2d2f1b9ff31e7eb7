/** Life cycle of a devnet. */
import { shellWord } from '../../lib/shell.ts';
import { formatBytes, formatDuration } from '../../lib/units.ts';
import { readableLogLine } from '../output/log-line.ts';
import { table } from '../output/table.ts';
import { defineCommand, defineStream } from './define.ts';
import { arg, choice, flag, int, list, text } from './options.ts';

export const upCommand = defineCommand({
  name: 'up',
  summary: 'start what is missing of the devnet',
  about:
    'Starts what does not run of a devnet and waits until all of it is ready. Safe to repeat. A ZKsync devnet is made by quickstart or step by step; of every other system, `up` makes it first.',
  examples: ['up', 'up --plan', 'up --system proof-market', 'up --system proof-market --runtime docker'],
  options: { plan: flag('only say what would be started') },
  output: async () => (await import('../services/results.ts')).upResult,
  async run(ctx, input) {
    await ctx.prerequisites();
    const { up } = await import('../services/up.ts');
    return up(await ctx.service(), { chain: ctx.globals.chain, plan: input.plan });
  },
  render: (data, style) => [
    `devnet ${style.bold(data.devnet)} (${data.system})`,
    ...table(
      data.components.map(({ id, state, ports }) => [
        `  ${id}`,
        state,
        portList(Object.entries(ports).map(([name, port]) => ({ name, port }))),
      ]),
    ),
  ],
});

const portList = (ports: readonly { name: string; port: number }[]): string =>
  ports.map(({ name, port }) => `${name} ${port}`).join(', ');

export const downCommand = defineCommand({
  name: 'down',
  summary: 'stop the devnet; with --all also remove its data',
  about:
    'Stops everything that carries the name of the devnet, also what a killed kit left. --all removes databases, chains and logs too; the ecosystem folder with its keys and proofs stays unless it lies inside.',
  examples: ['down', 'down --all --yes'],
  options: { all: flag('also remove databases, chain state and logs') },
  output: async () => (await import('../services/results.ts')).downResult,
  async run(ctx, input) {
    const service = await ctx.service();
    if (input.all) {
      const sure = await ctx.ask.danger({
        question: `Remove the devnet '${service.paths.name}' in ${service.paths.dir}?`,
      });
      if (!sure) return { devnet: service.paths.name, stopped: [], swept: [], removed: false };
    }
    const { downDevnet } = await import('../services/down-devnet.ts');
    return downDevnet(service, { removeData: input.all });
  },
  render: (data) => [
    `devnet ${data.devnet}: ${data.stopped.length === 0 ? 'nothing ran' : `stopped ${data.stopped.join(', ')}`}`,
    ...(data.swept.length > 0 ? [`ended what nobody knew of: ${data.swept.join(', ')}`] : []),
    ...(data.removed ? ['its data is removed'] : []),
  ],
});

export const gcCommand = defineCommand({
  name: 'gc',
  summary: 'remove containers and volumes of devnets whose folder is gone',
  about:
    'For workspaces that were deleted while their devnet ran in containers. Goes by the labels of devkit: nothing else is looked at.',
  examples: ['gc --plan', 'gc'],
  options: { plan: flag('only say what would be removed') },
  output: async () => (await import('../services/results.ts')).gcResult,
  async run(ctx, input) {
    const { gc } = await import('../services/gc.ts');
    return gc({ plan: input.plan, env: ctx.env });
  },
  render: ({ removed, containers, networks, volumes }) => {
    const found = Object.entries({ container: containers, network: networks, volume: volumes }).flatMap(
      ([kind, names]) => names.map((name) => `  ${kind} ${name}`),
    );
    if (found.length === 0) return ['nothing is left over'];
    return [removed ? 'removed:' : 'would be removed:', ...found];
  },
});

export const statusCommand = defineCommand({
  name: 'status',
  summary: 'what runs, where, and how much memory it takes',
  examples: ['status', 'status --json'],
  output: async () => (await import('../services/results.ts')).statusResult,
  async run(ctx) {
    const { statusOf } = await import('../services/lifecycle.ts');
    return statusOf(await ctx.service());
  },
  render: (data, style) => [
    `devnet ${style.bold(data.devnet)} in ${data.workspace}: ${data.state}`,
    ...(data.proving ? [`  ${provingText(data.settings?.system ?? '', data.proving)}`] : []),
    ...table([
      ['  component', 'state', 'as', 'pid', 'up', 'memory', 'ports'].map((title) => style.dim(title)),
      ...data.components.map(({ runtime, pid, ports, uptimeMs, usage, ...component }) => [
        `  ${component.id}`,
        stateText(component),
        runtime === undefined ? '' : runtime === 'docker' ? 'container' : 'process',
        pid === undefined ? '' : String(pid),
        uptimeMs === undefined ? '' : formatDuration(uptimeMs),
        usage === undefined ? '' : formatBytes(usage.pssBytes ?? usage.rssBytes),
        portList(ports),
      ]),
    ]),
    ...(data.total.processes > 0
      ? [`  ${formatBytes(data.total.pssBytes ?? data.total.rssBytes)} in ${data.total.processes} processes`]
      : []),
  ],
});

interface ShownState {
  state: 'running' | 'exited' | 'missing';
  ready?: boolean | undefined;
  exitCode?: number | undefined;
  signal?: string | undefined;
  outOfMemory?: boolean | undefined;
}

function stateText({ state, ready, exitCode, signal, outOfMemory }: ShownState): string {
  if (state === 'running') return ready === false ? 'not ready' : state;
  if (state === 'missing') return 'not started';
  if (outOfMemory) return 'out of memory';
  const how = signal ?? exitCode;
  return how === undefined ? state : `exited (${how})`;
}

interface ShownProving {
  variant: string;
  aggregation?: string | undefined;
  crs: string;
}

const provingText = (system: string, { variant, aggregation, crs }: ShownProving): string =>
  [
    system,
    `variant ${variant}`,
    ...(aggregation === undefined ? [] : [`aggregation ${aggregation}`]),
    `reference string ${crs}`,
  ].join(', ');

/** What anvil writes for every call it answers: the name of the method. */
const RPC_CALL = /^\s*(\w+_\w+)?\s*$/;

export const logsCommand = defineStream({
  name: 'logs',
  summary: 'log lines of the components',
  about:
    'Past lines come in order of time. Without the name of a component, the lines in which the nodes (l1, l2) list each call are left out.',
  examples: ['logs', 'logs server --tail 50', 'logs --follow --components gateway,circuit-prover'],
  args: { component: arg.optionalText('one component; default: all') },
  options: {
    components: list('several components', { placeholder: 'names' }),
    follow: flag('go on with new lines until Ctrl-C', { short: 'f' }),
    tail: int('last lines of each component', { short: 'n', placeholder: 'n' }),
  },
  output: async () => (await import('../services/results.ts')).logLine,
  async *stream(ctx, input) {
    const { logsOf } = await import('../services/lifecycle.ts');
    const components = [...(input.component === undefined ? [] : [input.component]), ...(input.components ?? [])];
    for await (const line of logsOf(await ctx.service(), { components, follow: input.follow, tail: input.tail })) {
      const shown = readableLogLine(line.line);
      const text = components.length === 1 ? shown : `${line.component} | ${shown}`;
      const isNoise = components.length === 0 && RPC_CALL.test(line.line);
      yield { ...line, lines: () => (isNoise ? [] : [text]) };
    }
  },
  render: (data) => data.lines(),
});

export const envCommand = defineCommand({
  name: 'env',
  summary: 'addresses, URLs and folders as shell variables',
  about:
    'For `eval "$(devkit env)"`. The variables hold passwords: they are for this machine. Of a proof market it also writes what the original Python scripts read (constants.py, .user, .secret): into the devnet, or with --tools-dir right into the scripts folder of a checkout, where what it replaces is kept as *.orig.',
  examples: ['env', 'env --json', 'env --system proof-market --tools-dir ../proof-market-toolchain/scripts'],
  options: { toolsDir: text("folder of the system's own tools to write their files to", { placeholder: 'folder' }) },
  output: async () => (await import('../services/results.ts')).envResult,
  async run(ctx, input) {
    const { envOf } = await import('../services/lifecycle.ts');
    const toolsDir = input.toolsDir === undefined ? undefined : ctx.path(input.toolsDir);
    const result = await envOf(await ctx.service(), { chain: ctx.globals.chain, toolsDir });
    if (result.files.length > 0) ctx.notice(`written: ${result.files.join(', ')}`);
    return result;
  },
  render: (data) => Object.entries(data.variables).map(([name, value]) => `export ${name}=${shellWord(value)}`),
});

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'does this machine have what proving needs?',
  about:
    'Looks at cores, memory, disk, ports, Node and container engine. Exit code 3 when something that is needed is missing.',
  examples: ['doctor', 'doctor --for upstream'],
  options: { for: choice('what should run here', ['reference', 'upstream']) },
  output: async () => (await import('../services/results.ts')).doctorResult,
  async run(ctx, input) {
    const { doctorOf } = await import('../services/lifecycle.ts');
    return doctorOf(await ctx.service(), { for: input.for ?? 'reference' });
  },
  render: (data, style) => [
    ...data.checks.flatMap((check) => [
      `${mark(check.state, style)} ${check.title}: ${check.found} (needed: ${check.needed})`,
      ...(check.fix ? [`  → ${check.fix}`] : []),
    ]),
    data.fit ? style.good(`this machine is fit for ${data.for}`) : style.bad(`this machine is not fit for ${data.for}`),
  ],
  exitCode: (data) => (data.fit ? 0 : 3),
});

const mark = (state: 'ok' | 'warn' | 'fail', style: { good(t: string): string; bad(t: string): string }): string =>
  state === 'ok' ? style.good('✔') : state === 'warn' ? '!' : style.bad('✖');
