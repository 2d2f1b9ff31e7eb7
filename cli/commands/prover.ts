/** `prover init|setup-keys|compressor-keys|init-bellman-cuda|run`: upstream's flags. */
import { DevkitError } from '../core/errors.ts';
import { type CommandContext, defineCommand, defineGroup } from './define.ts';
import { bool, flag, type InputOf, optionalBool, text, url } from './options.ts';
import {
  askMode,
  askRegion,
  BELLMAN_OPTIONS,
  bellmanCudaCommand,
  compressorKeysCommand,
  generateSkCommand,
  initBellmanCuda,
  KEYS_OPTIONS,
  setupKeysCommand,
} from './prover-keys.ts';
import { proverRunCommand } from './prover-run.ts';

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
  bellmanCuda: optionalBool("GPU library of upstream's compressor, as init-bellman-cuda; reference: not needed"),
  ...BELLMAN_OPTIONS,
  setupCompressorKey: optionalBool("make the reference string; upstream: download the compressor's universal setup"),
  path: text('with --setup-compressor-key: where to put it', { placeholder: 'file' }),
  setupKeys: optionalBool('install the keys'),
  ...KEYS_OPTIONS,
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
    const bellmanCuda = input.bellmanCuda ?? (input.clone || input.bellmanCudaDir !== undefined);
    if (bellmanCuda) await initBellmanCuda(ctx, input);
    const compressorKey =
      input.setupCompressorKey ??
      (input.dev ||
        (await ctx.ask.confirm({
          flag: '--setup-compressor-key',
          question: 'Set up the key of the compressor?',
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
      setupKeys: keys ? await askKeys(ctx, input) : undefined,
      env: ctx.env,
      ignorePrerequisites: ctx.globals.ignorePrerequisites,
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

async function askKeys(ctx: CommandContext, input: InitFlags) {
  const mode = await askMode(ctx, input.mode);
  return { mode, region: await askRegion(ctx, mode, input.region) };
}

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
