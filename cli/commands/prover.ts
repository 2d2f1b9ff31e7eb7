/** `prover init|setup-keys|compressor-keys|init-bellman-cuda|run`: upstream's flags. */
import { DevkitError } from '../core/errors.ts';
import { type CommandContext, defineCommand, defineGroup, type Style } from './define.ts';
import { bool, choice, flag, type InputOf, optionalBool, text, url } from './options.ts';
import { proverRunCommand } from './prover-run.ts';

const keysOptions = {
  region: choice('upstream region to download from; the kit ships its keys', ['us', 'europe', 'asia']),
  mode: choice('where keys come from', ['download', 'generate']),
};

const GCS = 'a Google Cloud bucket';
const initOptions = {
  dev: flag('no questions: file-backed store, reference string, database made anew'),
  proofStoreDir: text('folder of the object store below prover/', { placeholder: 'dir' }),
  bucketBaseUrl: text(`${GCS}: not in the reference variant`, { placeholder: 'gs://…' }),
  credentialsFile: text(`${GCS}: not in the reference variant`, { placeholder: 'path' }),
  bucketName: text(`${GCS}: not in the reference variant`, { placeholder: 'name' }),
  location: text(`${GCS}: not in the reference variant`, { placeholder: 'name' }),
  projectId: text(`${GCS}: not in the reference variant`, { placeholder: 'id' }),
  deployProvingNetwork: optionalBool('a proving network: not in the reference variant'),
  bellmanCuda: optionalBool('GPU library of the compressor: not used, nothing is built'),
  clone: flag('with --bellman-cuda: accepted, nothing is cloned'),
  bellmanCudaDir: text('with --bellman-cuda: recorded in ZkStack.yaml', { placeholder: 'path' }),
  setupCompressorKey: optionalBool('make the reference string'),
  path: text('with --setup-compressor-key: where to put a copy of its points', { placeholder: 'file' }),
  setupKeys: optionalBool('install the keys'),
  ...keysOptions,
  setupDatabase: bool('make the prover database'),
  proverDbUrl: url("server of the prover database; default: the devnet's own"),
  proverDbName: text('name of the prover database', { placeholder: 'name' }),
  useDefault: bool('default name and URL of the database', { short: 'u' }),
  dontDrop: bool('keep the database if it is there', { short: 'd' }),
};
type InitFlags = InputOf<unknown, typeof initOptions>;

const initCommand = defineCommand({
  name: 'init',
  summary: 'store folders, config and database of the prover',
  examples: [
    'prover init --dev',
    'prover init --setup-database=true --use-default=true --dont-drop=false',
    'prover init --proof-store-dir artifacts --setup-keys --mode download',
  ],
  options: initOptions,
  removed: {
    'shall-save-to-public-bucket': {
      harmless: ['false'],
      why: 'upstream removed the public bucket (PR 3701)',
    },
    'public-store-dir': { harmless: [], why: 'upstream removed the public bucket (PR 3701)' },
  },
  output: async () => (await import('../services/results.ts')).proverInitResult,
  async run(ctx, input) {
    refuseInit(input);
    const { proverInit } = await import('../services/ecosystem/prover-init.ts');
    const service = await ctx.service();
    await recordBellmanCuda(ctx, input.bellmanCuda === true, input.clone, input.bellmanCudaDir);
    const compressorKey =
      input.setupCompressorKey ??
      (input.dev ||
        (await ctx.ask.confirm({
          flag: '--setup-compressor-key',
          question: 'Make the reference string?',
          default: false,
        })));
    const keys =
      input.setupKeys ??
      (!input.dev && (await ctx.ask.confirm({ flag: '--setup-keys', question: 'Install the keys?', default: false })));
    return proverInit(service, {
      chain: ctx.globals.chain,
      proofStoreDir: input.proofStoreDir ?? (input.dev ? 'artifacts' : await askStore(ctx)),
      database: await askDatabase(ctx, input),
      compressorKey: compressorKey ? { path: input.path === undefined ? undefined : ctx.path(input.path) } : undefined,
      setupKeys: keys ? { mode: await askMode(ctx, input.mode) } : undefined,
    });
  },
  render: (data, style) => [
    `prover of chain ${style.bold(data.chain)} is initialised`,
    `object store: ${data.objectStore}`,
    ...(data.database ? [`database: ${data.database.name}${data.database.created ? '' : ' (was there)'}`] : []),
  ],
});

const askStore = (ctx: CommandContext): Promise<string> =>
  ctx.ask.text({ flag: '--proof-store-dir', question: 'Folder of the object store', default: 'artifacts' });

async function askDatabase(ctx: CommandContext, input: InitFlags) {
  const wanted =
    input.setupDatabase ??
    (input.dev ||
      (await ctx.ask.confirm({ flag: '--setup-database', question: 'Make the prover database?', default: true })));
  if (!wanted) return undefined;
  const byDefault = input.useDefault === true || input.dev;
  const mode = input.dontDrop === undefined ? (input.dev ? 'drop' : 'auto') : input.dontDrop ? 'keep' : 'drop';
  return {
    url: byDefault ? undefined : input.proverDbUrl,
    name: byDefault ? undefined : input.proverDbName,
    mode,
  } as const;
}

async function askMode(ctx: CommandContext, given: 'download' | 'generate' | undefined) {
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

function refuseInit(input: InitFlags): void {
  const gcs = (['bucketBaseUrl', 'credentialsFile', 'bucketName', 'location', 'projectId'] as const).find(
    (key) => input[key] !== undefined,
  );
  if (gcs) {
    throw new DevkitError('USAGE', 'the reference variant keeps proofs in files only, not in a Google Cloud bucket', {
      hint: 'devkit prover init --proof-store-dir artifacts',
    });
  }
  if (input.deployProvingNetwork) {
    throw new DevkitError('USAGE', '--deploy-proving-network: the reference variant has no proving network', {
      hint: 'leave --deploy-proving-network out',
    });
  }
}

async function recordBellmanCuda(ctx: CommandContext, wanted: boolean, clone: boolean, dir: string | undefined) {
  if (!wanted && !clone && dir === undefined) return null;
  ctx.notice('bellman-cuda is not needed: the reference compressor proves on the CPU; nothing is cloned or built');
  if (dir === undefined) return null;
  const { openEcosystem } = await import('../services/ecosystem/files.ts');
  const { editYaml } = await import('../services/ecosystem/yaml-file.ts');
  const path = ctx.path(dir);
  await editYaml((await openEcosystem(await ctx.service())).paths.file, { bellman_cuda_dir: path });
  return path;
}

const setupKeysCommand = defineCommand({
  name: 'setup-keys',
  aliases: ['sk'],
  summary: 'install the proving keys',
  about:
    '--mode=download installs the keys that ship with the kit (those of the dev reference string), checked against the circuits. --mode=generate makes them on this machine.',
  examples: ['prover setup-keys', 'prover setup-keys --mode=generate', 'prover setup-keys --mode=download --region=us'],
  options: keysOptions,
  output: async () => (await import('../services/results.ts')).setupKeysResult,
  run: async (ctx, input) => installKeys(ctx, input, await askMode(ctx, input.mode)),
  render: keysLines,
});

const generateSkCommand = defineCommand({
  name: 'generate-sk',
  summary: 'old name of setup-keys --mode=generate',
  options: keysOptions,
  output: async () => (await import('../services/results.ts')).setupKeysResult,
  async run(ctx, input) {
    const mode = input.mode ?? 'generate';
    ctx.notice(`generate-sk is the old name of setup-keys --mode=${mode}`);
    return installKeys(ctx, input, mode);
  },
  render: keysLines,
});

async function installKeys(
  ctx: CommandContext,
  { region }: InputOf<unknown, typeof keysOptions>,
  mode: 'download' | 'generate',
) {
  const { setupKeys } = await import('../services/ecosystem/keys.ts');
  const { openEcosystem } = await import('../services/ecosystem/files.ts');
  if (region) ctx.notice(`--region ${region} is ignored: the keys ship with the kit`);
  const service = await ctx.service();
  return setupKeys(service, await openEcosystem(service), mode);
}

function keysLines(data: Awaited<ReturnType<typeof installKeys>>, style: Style): string[] {
  return [
    `${data.keys.length} keys in ${data.keysDir} (${data.source})`,
    `aggregation ${style.bold(data.aggregation)}, reference string ${style.bold(data.crs)}`,
    `keyset ${data.keyset}`,
    `snark wrapper ${data.snarkWrapper}`,
  ];
}

const compressorKeysCommand = defineCommand({
  name: 'compressor-keys',
  aliases: ['ck'],
  summary: 'make the reference string that the compressor (and every prover) needs',
  examples: ['prover compressor-keys'],
  options: { path: text('where to put a copy of its points', { placeholder: 'file' }) },
  output: async () => (await import('../services/results.ts')).compressorKeysResult,
  async run(ctx, input) {
    const { compressorKeys } = await import('../services/ecosystem/keys.ts');
    const { openEcosystem } = await import('../services/ecosystem/files.ts');
    const service = await ctx.service();
    const path = input.path === undefined ? undefined : ctx.path(input.path);
    return compressorKeys(service, await openEcosystem(service), path);
  },
  render: (data) => [`reference string ${data.crs}: ${data.points} points in ${data.dir}`],
});

const bellmanCudaCommand = defineCommand({
  name: 'init-bellman-cuda',
  aliases: ['cuda'],
  summary: 'accepted for compatibility: the reference compressor needs no GPU library',
  options: {
    clone: flag('accepted: nothing is cloned', { conflicts: ['bellmanCudaDir'] }),
    bellmanCudaDir: text('recorded in ZkStack.yaml', { placeholder: 'path' }),
  },
  output: async () => (await import('../services/results.ts')).bellmanCudaResult,
  async run(ctx, input) {
    return { bellmanCudaDir: await recordBellmanCuda(ctx, true, input.clone, input.bellmanCudaDir) };
  },
  render: (data) => (data.bellmanCudaDir ? [`bellman_cuda_dir: ${data.bellmanCudaDir}`] : []),
});

export const proverGroup = defineGroup({
  name: 'prover',
  aliases: ['p'],
  summary: 'set up and run the prover components',
  commands: [
    initCommand,
    setupKeysCommand,
    generateSkCommand,
    compressorKeysCommand,
    bellmanCudaCommand,
    proverRunCommand,
  ],
});
