/** A program of an image, run to its end. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { ContainerCreateOptions } from 'dockerode';
import type { DevnetPaths } from '../../core/paths.ts';
import type { Mount } from '../../core/types.ts';
import { inspectContainer, removeContainer } from './containers.ts';
import type { Engine } from './engine.ts';
import { translateError } from './errors.ts';
import { devnetLabels } from './labels.ts';
import { timedLines } from './log-lines.ts';
import { containerName } from './names.ts';
import { removeContainerRecord, writeContainerRecord } from './record.ts';

export interface OneRun {
  /** For messages, e.g. `the proof generator`. */
  what: string;
  image: string;
  entrypoint: readonly string[];
  argv: readonly string[];
  /** Binds of this machine. */
  mounts: readonly Mount[];
  cwd: string;
  /** `uid:gid`. */
  user: string;
  memoryBytes?: number | undefined;
  signal: AbortSignal;
  onLine?: (line: string) => void;
}

export interface RunEnd {
  exitCode: number;
  /** Both streams, the last lines. */
  lines: string[];
  outOfMemory: boolean;
}

const KEPT_LINES = 200;

/**
 * Without network, and gone afterwards, also after an abort. What a killed kit leaves carries the devnet's label and is written down, so
 * that `down` ends it; where there is no devnet, `gc` does.
 * @throws DevkitError when it cannot be started; the reason of an abort
 */
export async function runOnce(engine: Engine, paths: DevnetPaths, run: OneRun): Promise<RunEnd> {
  const { signal } = run;
  signal.throwIfAborted();
  const id = `run-${randomBytes(4).toString('hex')}`;
  const name = containerName(paths, id);
  const record = { version: 1 as const, engine: engine.host, name, logSince: new Date().toISOString() };
  if (existsSync(paths.dir)) await writeContainerRecord(paths, id, record);
  try {
    return await runToEnd(engine, paths, name, run);
  } finally {
    await removeContainerRecord(paths, id);
  }
}

async function runToEnd(engine: Engine, paths: DevnetPaths, name: string, run: OneRun): Promise<RunEnd> {
  const { docker, host } = engine;
  const { what, image, signal } = run;
  const about = { host, action: `run ${what} in ${image}` };
  const container = await docker.createContainer(optionsOf(paths, name, run)).catch((error: unknown) => {
    throw translateError(error, about);
  });
  try {
    await container.start();
    const lines = readLines(await container.logs({ follow: true, stdout: true, stderr: true, timestamps: true }), run);
    const { StatusCode } = (await container.wait({ abortSignal: signal })) as { StatusCode: number };
    // undefined: another command's `down` has removed it
    const ended = await inspectContainer(engine, name);
    return { exitCode: StatusCode, lines: await lines, outOfMemory: ended?.State.OOMKilled ?? false };
  } catch (error) {
    signal.throwIfAborted();
    throw translateError(error, about);
  } finally {
    await removeContainer(engine, name, new AbortController().signal);
  }
}

function optionsOf(paths: DevnetPaths, name: string, run: OneRun): ContainerCreateOptions {
  const { memoryBytes } = run;
  return {
    name,
    Image: run.image,
    Entrypoint: [...run.entrypoint],
    Cmd: [...run.argv],
    WorkingDir: run.cwd,
    User: run.user,
    Labels: devnetLabels(paths),
    HostConfig: {
      Init: true,
      NetworkMode: 'none',
      Mounts: run.mounts.map(({ source, target, readOnly = false }) => ({
        Type: 'bind' as const,
        Source: source,
        Target: target,
        ReadOnly: readOnly,
      })),
      LogConfig: { Type: 'json-file', Config: {} },
      ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    },
  };
}

async function readLines(stream: unknown, { onLine }: OneRun): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line } of timedLines(stream as AsyncIterable<Buffer>)) {
    if (lines.push(line) > KEPT_LINES) lines.shift();
    onLine?.(line);
  }
  return lines;
}
