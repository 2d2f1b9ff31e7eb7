/** `prover init-bellman-cuda`: the GPU library of upstream's compressor, cloned or given, built, and named in ZkStack.yaml. */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withFileLock } from '../../lib/file-lock.ts';
import { DevkitError } from '../core/errors.ts';
import { type Env, runTool, ToolError, type ToolFacts, toolFacts, type WantedTool } from '../host/build-tools.ts';
import type { ServiceContext } from './context.ts';
import type { Ecosystem } from './ecosystem/files.ts';
import { editYaml } from './ecosystem/yaml-file.ts';
import { step } from './step.ts';

/** Upstream's address and folder name. */
export const BELLMAN_CUDA_URL = 'https://github.com/matter-labs/era-bellman-cuda';
export const BELLMAN_CUDA_DIR = 'era-bellman-cuda';

export interface BellmanCudaInput {
  /** Sources that are there, absolute; absent: they are cloned into the ecosystem's folder. */
  dir?: string | undefined;
  /** Where to clone from; absent: DEVKIT_BELLMAN_CUDA_URL, else upstream's. */
  url?: string | undefined;
  env: Env;
  /** Build also when a program seems to be missing or too old. */
  ignorePrerequisites?: boolean | undefined;
}

export interface BellmanCudaResult {
  bellmanCudaDir: string;
  /** The sources were fetched now. */
  cloned: boolean;
}

/** Source: zksync-era prover book (cmake) and the CUDA installation guide. */
const TOOLS: Readonly<Record<'git' | 'cmake' | 'nvcc', WantedTool>> = {
  git: { name: 'git', version: /(\d+(?:\.\d+)+)/, fix: 'apt-get install git   or --bellman-cuda-dir <sources>' },
  cmake: {
    name: 'cmake',
    atLeast: '3.24',
    version: /cmake version (\d+(?:\.\d+)+)/,
    fix: 'apt-get install cmake   (3.24 or newer; https://cmake.org/download has newer ones)',
  },
  nvcc: {
    name: 'nvcc',
    folders: ['/usr/local/cuda/bin'],
    version: /release (\d+(?:\.\d+)+)/,
    fix: 'install the CUDA toolkit 12, then: export PATH=/usr/local/cuda/bin:$PATH',
  },
};

/** @throws DevkitError HOST_UNFIT (programs), NOT_FOUND (no sources), COMPONENT_FAILED (clone or build) */
export async function initBellmanCuda(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  input: BellmanCudaInput,
): Promise<BellmanCudaResult> {
  const clonePath = join(ecosystem.paths.dir, BELLMAN_CUDA_DIR);
  const dir = input.dir ?? clonePath;
  if (input.dir !== undefined) requireSources(dir);
  const tools = await checkTools(ctx, input, !hasSources(dir));
  return withFileLock(
    join(ecosystem.paths.dir, `.${BELLMAN_CUDA_DIR}.lock`),
    async () => {
      const cloned = await fetchSources(ctx, dir, input);
      await build(ctx, dir, { ...input.env, ...cudaCompiler(tools) });
      await editYaml(ecosystem.paths.file, { bellman_cuda_dir: dir });
      return { bellmanCudaDir: dir, cloned };
    },
    ctx.signal,
  );
}

const hasSources = (dir: string): boolean => existsSync(join(dir, 'CMakeLists.txt'));

function requireSources(dir: string): void {
  if (hasSources(dir)) return;
  throw new DevkitError('NOT_FOUND', `${dir} has no CMakeLists.txt: these are not the sources of bellman-cuda`, {
    hint: 'devkit prover init-bellman-cuda --clone',
  });
}

/** A line for each program, then one error for all that is wrong. */
async function checkTools(ctx: ServiceContext, input: BellmanCudaInput, clones: boolean): Promise<ToolFacts[]> {
  const cudaHome = input.env['CUDA_HOME'];
  const nvcc = {
    ...TOOLS.nvcc,
    folders: [...(cudaHome ? [join(cudaHome, 'bin')] : []), ...(TOOLS.nvcc.folders ?? [])],
  };
  const facts: ToolFacts[] = [];
  for (const wanted of [...(clones ? [TOOLS.git] : []), TOOLS.cmake, nvcc]) {
    const started = performance.now();
    const found = await toolFacts(wanted, input.env, ctx.signal);
    facts.push(found);
    const id = `needs-${wanted.name}`;
    const title = [wanted.name, found.version].filter(Boolean).join(' ');
    ctx.emit({ type: 'step.started', step: id, title });
    if (found.problem === undefined) {
      ctx.emit({ type: 'step.done', step: id, title, durationMs: performance.now() - started });
    } else ctx.emit({ type: 'step.failed', step: id, title, message: found.problem });
  }
  const wrong = facts.filter(({ problem }) => problem !== undefined);
  if (wrong.length > 0 && !input.ignorePrerequisites) {
    throw new DevkitError(
      'HOST_UNFIT',
      `bellman-cuda cannot be built here: ${wrong.map(({ problem }) => problem).join('; ')}`,
      {
        hint: wrong.map(({ fix }) => fix).join('; '),
        details: { tools: facts },
      },
    );
  }
  return facts;
}

/** cmake looks for the compiler on PATH only. */
function cudaCompiler(tools: readonly ToolFacts[]): Env {
  const nvcc = tools.find(({ name }) => name === 'nvcc');
  return nvcc?.offPath && nvcc.path !== undefined ? { CUDACXX: nvcc.path } : {};
}

/** Into a folder beside it first: a clone that was cut off is not taken for one. */
async function fetchSources(ctx: ServiceContext, dir: string, input: BellmanCudaInput): Promise<boolean> {
  if (hasSources(dir)) {
    ctx.emit({ type: 'step.skipped', step: 'clone', title: 'sources of bellman-cuda', reason: `they are in ${dir}` });
    return false;
  }
  if (existsSync(dir)) {
    throw new DevkitError('ALREADY_EXISTS', `${dir} is there, but has no CMakeLists.txt`, {
      hint: `rm -r ${dir}   then the same command again`,
    });
  }
  const url = input.url ?? (input.env['DEVKIT_BELLMAN_CUDA_URL'] || BELLMAN_CUDA_URL);
  const half = `${dir}.part`;
  await rm(half, { recursive: true, force: true });
  await tool(ctx, 'clone', `clone ${url}`, {
    program: 'git',
    args: ['clone', '--recurse-submodules', url, half],
    env: { ...input.env, GIT_TERMINAL_PROMPT: '0' },
    cwd: ctx.cwd,
  });
  requireSources(half);
  await rename(half, dir);
  return true;
}

async function build(ctx: ServiceContext, dir: string, env: Env): Promise<void> {
  const target = join(dir, 'build');
  const logFile = join(dir, 'build', 'devkit-build.log');
  await tool(ctx, 'configure', 'bellman-cuda: configure', {
    program: 'cmake',
    args: [`-B${target}`, `-S${dir}/`, '-DCMAKE_BUILD_TYPE=Release'],
    env,
    cwd: dir,
    logFile,
  });
  await tool(ctx, 'build', 'bellman-cuda: build (several minutes)', {
    program: 'cmake',
    args: ['--build', target],
    env,
    cwd: dir,
    logFile,
  });
}

function tool(
  ctx: ServiceContext,
  id: string,
  title: string,
  run: { program: string; args: string[]; env: Env; cwd: string; logFile?: string },
): Promise<void> {
  return step(ctx, `bellman-cuda-${id}`, title, async () => {
    try {
      await runTool({
        ...run,
        signal: ctx.signal,
        onLine: (line) => ctx.emit({ type: 'log', component: 'bellman-cuda', line }),
      });
    } catch (cause) {
      if (!(cause instanceof ToolError)) throw cause;
      const lines = [`${cause.message}; its last lines:`, ...cause.lastLines];
      throw new DevkitError('COMPONENT_FAILED', lines.join('\n  '), {
        hint: run.logFile === undefined ? 'the same command again begins anew' : `all of them: ${run.logFile}`,
        cause,
      });
    }
  });
}
