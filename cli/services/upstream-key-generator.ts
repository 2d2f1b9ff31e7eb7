/** Variant upstream: `prover setup-keys --mode=generate`, with upstream's `key_generator` on a GPU. */
import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { COMPRESSOR_KEY_PATH } from '../../systems/zksync/upstream/key-buckets.ts';
import { DevkitError } from '../core/errors.ts';
import { findProgram, isExecutable, runTool, ToolError } from '../host/build-tools.ts';
import { driverFacts } from '../host/gpu/driver.ts';
import type { ServiceContext } from './context.ts';
import { type Ecosystem, openChain } from './ecosystem/files.ts';
import { readYaml, textAt } from './ecosystem/yaml-file.ts';
import { step } from './step.ts';

export interface GenerateKeysInput {
  chain?: string | undefined;
  /** Upstream's program; absent: `devkit.binaries.key_generator` of ZkStack.yaml, then PATH. */
  keyGenerator?: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** Skip the look at the GPU. */
  ignorePrerequisites?: boolean | undefined;
}

export interface GeneratedKeys {
  variant: 'upstream';
  mode: 'generate';
  keysDir: string;
  keyGenerator: string;
  logFile: string;
}

const PROGRAM = 'key_generator';

/** What is missing, and the command that helps. */
interface Missing {
  what: string;
  fix: string;
}

/** @throws DevkitError HOST_UNFIT naming everything that is missing; COMPONENT_FAILED with the program's last lines */
export async function generateSetupKeys(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  input: GenerateKeysInput,
): Promise<GeneratedKeys> {
  const needs = await lookAround(ctx, ecosystem, input);
  const { keyGenerator, compressorKey, bellmanCudaDir } = needs.found;
  if (
    keyGenerator === undefined ||
    compressorKey === undefined ||
    bellmanCudaDir === undefined ||
    needs.missing.length > 0
  ) {
    throw cannotGenerate(needs.missing);
  }
  const { prover, keys: keysDir } = ecosystem.paths;
  const logFile = join(prover, 'data', 'key-generator.log');
  const env = { ...input.env, COMPACT_CRS_FILE: compressorKey, BELLMAN_CUDA_DIR: bellmanCudaDir };
  const run = (id: string, title: string, args: string[]): Promise<void> =>
    step(ctx, id, title, () =>
      runTool({
        program: keyGenerator,
        args,
        cwd: prover,
        env,
        signal: ctx.signal,
        logFile,
        onLine: (line) => ctx.emit({ type: 'log', component: PROGRAM, line }),
      }),
    ).catch((error: unknown) => {
      throw asDevkitError(error, logFile);
    });
  await run('setup-keys', 'setup keys: generate them on the GPU (about 40 minutes)', [
    'generate-sk-gpu',
    'all',
    '--recompute-if-missing',
    '--setup-path=data/keys',
    `--path=${keysDir}`,
  ]);
  await run('compressor-data', 'setup keys of the compressor: generate', ['generate-compressor-data']);
  return { variant: 'upstream', mode: 'generate', keysDir, keyGenerator, logFile };
}

async function lookAround(ctx: ServiceContext, ecosystem: Ecosystem, input: GenerateKeysInput) {
  const stack = await readYaml(ecosystem.paths.file);
  const missing: Missing[] = [];
  const gpus = input.ignorePrerequisites ? undefined : await driverFacts({ env: input.env, signal: ctx.signal });
  if (gpus && gpus.gpus.length === 0) {
    missing.push({ what: `a GPU (${gpus.message})`, fix: 'devkit prover setup-keys --mode=download' });
  }
  const keyGenerator = await keyGeneratorOf(input, textAt(stack, `devkit.binaries.${PROGRAM}`), ecosystem);
  if (keyGenerator.path === undefined) missing.push({ what: keyGenerator.problem, fix: keyGenerator.fix });
  const compressorKey = await compressorKeyOf(ecosystem, input.chain);
  if (!existsSync(compressorKey)) {
    missing.push({ what: `the compressor key (${compressorKey})`, fix: 'devkit prover compressor-keys' });
  }
  const dir = textAt(stack, 'bellman_cuda_dir');
  const bellmanCudaDir = dir === undefined || dir === '' ? undefined : resolve(ecosystem.paths.dir, dir);
  if (bellmanCudaDir === undefined || !existsSync(bellmanCudaDir)) {
    const where = bellmanCudaDir === undefined ? 'bellman_cuda_dir is not set' : `there is no ${bellmanCudaDir}`;
    missing.push({
      what: `bellman-cuda (${ecosystem.paths.file}: ${where})`,
      fix: 'devkit prover init-bellman-cuda --clone',
    });
  }
  return { found: { keyGenerator: keyGenerator.path, compressorKey, bellmanCudaDir }, missing };
}

/** Where general.yaml says it is; a relative path is below `prover/`. */
async function compressorKeyOf(ecosystem: Ecosystem, chainName: string | undefined): Promise<string> {
  const { paths } = await openChain(ecosystem, chainName);
  const key = 'proof_compressor.universal_setup_path';
  const path = existsSync(paths.general) ? textAt(await readYaml(paths.general), key) : undefined;
  return resolve(ecosystem.paths.prover, path ?? COMPRESSOR_KEY_PATH);
}

async function keyGeneratorOf(input: GenerateKeysInput, named: string | undefined, ecosystem: Ecosystem) {
  const given = input.keyGenerator ?? (named === undefined ? undefined : resolve(ecosystem.paths.dir, named));
  const fix = `devkit: binaries: ${PROGRAM}: <path>   (in ${ecosystem.paths.file}; build it in zksync-era/prover with: cargo build --release --features gpu --bin ${PROGRAM})`;
  if (given !== undefined) {
    const path = (await isExecutable(given)) ? given : undefined;
    return { path, problem: `${PROGRAM} (${given} is not a program)`, fix };
  }
  const path = await findProgram(PROGRAM, (input.env['PATH'] ?? '').split(delimiter));
  return { path, problem: `upstream's program ${PROGRAM} (not on PATH)`, fix };
}

function cannotGenerate(missing: readonly Missing[]): DevkitError {
  return new DevkitError(
    'HOST_UNFIT',
    `setup keys cannot be generated here, missing: ${missing.map(({ what }) => what).join('; ')}`,
    {
      hint: missing[0]?.fix ?? '',
      details: { missing },
    },
  );
}

function asDevkitError(error: unknown, logFile: string): unknown {
  if (!(error instanceof ToolError)) return error;
  return new DevkitError('COMPONENT_FAILED', [`${error.message}; its last lines:`, ...error.lastLines].join('\n  '), {
    hint: `all of them: ${logFile}`,
    cause: error,
  });
}
