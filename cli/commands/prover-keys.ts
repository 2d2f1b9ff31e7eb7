/** `prover setup-keys|generate-sk|compressor-keys|init-bellman-cuda`. */
import { formatBytes } from '../../lib/units.ts';
import { KEY_REGIONS } from '../../systems/zksync/upstream/key-buckets.ts';
import type { KeysMode } from '../services/ecosystem/keys.ts';
import type { InstalledKeys } from '../services/prover-keys.ts';
import { type CommandContext, defineCommand, type Style } from './define.ts';
import { choice, flag, type InputOf, text, url } from './options.ts';

export const KEYS_OPTIONS = {
  region: choice('upstream: which of its buckets to download from', KEY_REGIONS),
  mode: choice('where keys come from', ['download', 'generate']),
};
const DOWNLOAD_OPTIONS = {
  keysUrl: url('upstream: server of the buckets, e.g. a mirror; also DEVKIT_KEYS_URL'),
  verify: flag('upstream: hash every file again, also those unchanged since they were hashed'),
};
const setupOptions = { ...KEYS_OPTIONS, ...DOWNLOAD_OPTIONS };

export async function askMode(ctx: CommandContext, given: KeysMode | undefined): Promise<KeysMode> {
  return (
    given ??
    (await ctx.ask.choice({
      flag: '--mode',
      question: 'Where do the keys come from?',
      choices: ['download', 'generate'],
      default: 'download',
    }))
  );
}

/** Only upstream's buckets have regions. */
export async function askRegion(ctx: CommandContext, mode: KeysMode, given: (typeof KEY_REGIONS)[number] | undefined) {
  if (given !== undefined || mode !== 'download') return given;
  const { isUpstream } = await import('../services/upstream-keys.ts');
  const { service, ecosystem } = await open(ctx);
  if (!(await isUpstream(service, ecosystem, ctx.globals.chain))) return undefined;
  return ctx.ask.choice({ flag: '--region', question: 'Which region?', choices: KEY_REGIONS, default: 'us' });
}

async function open(ctx: CommandContext) {
  const { openEcosystem } = await import('../services/ecosystem/files.ts');
  const service = await ctx.service();
  return { service, ecosystem: await openEcosystem(service) };
}

export const setupKeysCommand = defineCommand({
  name: 'setup-keys',
  aliases: ['sk'],
  summary: 'install the proving keys',
  about:
    "Reference: --mode=download installs the keys that ship with the kit (those of the dev reference string), checked against the circuits; --mode=generate makes them on this machine. Upstream: --mode=download fetches about 26 GB from upstream's bucket to prover/data/keys, goes on where it was stopped, checks size, crc32c and md5, and downloads nothing twice; --mode=generate runs upstream's key_generator on a GPU.",
  examples: ['prover setup-keys', 'prover setup-keys --mode=generate', 'prover setup-keys --mode=download --region=us'],
  options: setupOptions,
  output: async () => (await import('../services/key-results.ts')).setupKeysResult,
  run: async (ctx, input) => installKeys(ctx, input, await askMode(ctx, input.mode)),
  render: keysLines,
});

export const generateSkCommand = defineCommand({
  name: 'generate-sk',
  summary: 'old name of setup-keys --mode=generate',
  options: setupOptions,
  output: async () => (await import('../services/key-results.ts')).setupKeysResult,
  async run(ctx, input) {
    const mode = input.mode ?? 'generate';
    ctx.notice(`generate-sk is the old name of setup-keys --mode=${mode}`);
    return installKeys(ctx, input, mode);
  },
  render: keysLines,
});

async function installKeys(
  ctx: CommandContext,
  { region, keysUrl, verify }: InputOf<unknown, typeof setupOptions>,
  mode: KeysMode,
): Promise<InstalledKeys> {
  const { installSetupKeys } = await import('../services/prover-keys.ts');
  const { service, ecosystem } = await open(ctx);
  return installSetupKeys(service, ecosystem, {
    mode,
    region: await askRegion(ctx, mode, region),
    chain: ctx.globals.chain,
    keysUrl,
    verify,
    env: ctx.env,
    ignorePrerequisites: ctx.globals.ignorePrerequisites,
  });
}

function keysLines(data: InstalledKeys, style: Style): string[] {
  if ('keyset' in data) {
    return [
      `${data.keys.length} keys in ${data.keysDir} (${data.source})`,
      `aggregation ${style.bold(data.aggregation)}, reference string ${style.bold(data.crs)}`,
      `keyset ${data.keyset}`,
      `snark wrapper ${data.snarkWrapper}`,
    ];
  }
  if (data.mode === 'generate') return [`setup keys in ${data.keysDir}, made by ${data.keyGenerator}`];
  const { files } = data;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const count = (how: string): number => files.filter((file) => file.how === how).length;
  const unverified = files.filter(({ verified }) => verified === 'unverified').length;
  return [
    `${files.length} setup files, ${formatBytes(bytes)}, in ${data.keysDir}: ${count('downloaded')} downloaded, ${count('hashed')} hashed, ${count('unchanged')} unchanged`,
    `protocol version ${style.bold(data.protocolVersion)}, from ${data.from}${data.offline ? ' (not asked now: compared with the record)' : ''}`,
    unverified === 0
      ? 'size and hashes are those that the server says'
      : style.bad(`${unverified} unverified: the server does not say their hashes`),
  ];
}

export const compressorKeysCommand = defineCommand({
  name: 'compressor-keys',
  aliases: ['ck'],
  summary: 'make the reference string that the compressor (and every prover) needs',
  about:
    "Upstream: downloads the compressor's universal setup from proof_compressor.universal_setup_download_url, to prover/keys/setup/setup_compact.key or --path, and writes that path into general.yaml.",
  examples: ['prover compressor-keys', 'prover compressor-keys --path keys/setup_compact.key'],
  options: {
    path: text('where to put it; reference: a copy of its points', { placeholder: 'file' }),
    ...DOWNLOAD_OPTIONS,
  },
  output: async () => (await import('../services/key-results.ts')).compressorKeysResult,
  async run(ctx, { path, keysUrl, verify }) {
    const { installCompressorKey } = await import('../services/prover-keys.ts');
    const { service, ecosystem } = await open(ctx);
    return installCompressorKey(service, ecosystem, {
      path: path === undefined ? undefined : ctx.path(path),
      chain: ctx.globals.chain,
      keysUrl,
      verify,
      env: ctx.env,
    });
  },
  render: (data) =>
    'points' in data
      ? [`reference string ${data.crs}: ${data.points} points in ${data.dir}`]
      : [`universal setup: ${data.universalSetupPath} (${formatBytes(data.file.bytes)}, ${verifiedText(data.file)})`],
});

const verifiedText = ({ verified, how }: { verified: string; how: string }): string =>
  `${how}, ${verified === 'unverified' ? 'unverified' : 'hashes as the server says'}`;

export const BELLMAN_OPTIONS = {
  clone: flag('clone era-bellman-cuda into the ecosystem', { conflicts: ['bellmanCudaDir'] }),
  bellmanCudaDir: text('sources that are there, instead of a clone', { placeholder: 'path' }),
};

export const bellmanCudaCommand = defineCommand({
  name: 'init-bellman-cuda',
  aliases: ['cuda'],
  summary: "build the GPU library of upstream's compressor; the reference one needs none",
  about:
    'Needs git, cmake 3.24 or newer and nvcc (CUDA 12). Clones https://github.com/matter-labs/era-bellman-cuda (or DEVKIT_BELLMAN_CUDA_URL) into the ecosystem, or takes a folder; builds it and writes bellman_cuda_dir into ZkStack.yaml. In an ecosystem of the reference variant nothing is cloned or built; a given folder is recorded.',
  examples: ['prover init-bellman-cuda --clone', 'prover init-bellman-cuda --bellman-cuda-dir ../era-bellman-cuda'],
  options: BELLMAN_OPTIONS,
  output: async () => (await import('../services/key-results.ts')).bellmanCudaResult,
  run: (ctx, input) => initBellmanCuda(ctx, input),
  render: (data) => (data.bellmanCudaDir ? [`bellman_cuda_dir: ${data.bellmanCudaDir}`] : []),
});

export async function initBellmanCuda(ctx: CommandContext, input: InputOf<unknown, typeof BELLMAN_OPTIONS>) {
  const { prepareBellmanCuda } = await import('../services/prover-keys.ts');
  const { service, ecosystem } = await open(ctx);
  const { bellmanCudaDir } = input;
  return prepareBellmanCuda(service, ecosystem, {
    dir: bellmanCudaDir === undefined ? undefined : ctx.path(bellmanCudaDir),
    chain: ctx.globals.chain,
    env: ctx.env,
    ignorePrerequisites: ctx.globals.ignorePrerequisites,
  });
}
