/** A program of an image, run to its end. */
import type { DevnetPaths } from '../../core/paths.ts';
import type { Mount } from '../../core/types.ts';
import type { Engine } from './engine.ts';
import { translateError } from './errors.ts';
import { devnetLabels } from './labels.ts';
import { timedLines } from './log-lines.ts';

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
 * Without network, and gone afterwards, also after an abort; what a killed kit leaves carries the devnet's label, so that `down` ends it.
 * @throws DevkitError when it cannot be started; the reason of an abort
 */
export async function runOnce({ docker, host }: Engine, paths: DevnetPaths, run: OneRun): Promise<RunEnd> {
  const { what, image, signal, memoryBytes } = run;
  signal.throwIfAborted();
  const about = { host, action: `run ${what} in ${image}` };
  const limits = memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes };
  const container = await docker
    .createContainer({
      Image: image,
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
        ...limits,
      },
    })
    .catch((error: unknown) => {
      throw translateError(error, about);
    });
  try {
    await container.start();
    const lines = readLines(await container.logs({ follow: true, stdout: true, stderr: true, timestamps: true }), run);
    const { StatusCode } = (await container.wait({ abortSignal: signal })) as { StatusCode: number };
    const { State } = await container.inspect();
    return { exitCode: StatusCode, lines: await lines, outOfMemory: State.OOMKilled };
  } catch (error) {
    signal.throwIfAborted();
    throw translateError(error, about);
  } finally {
    await container.remove({ force: true });
  }
}

async function readLines(stream: unknown, { onLine }: OneRun): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line } of timedLines(stream as AsyncIterable<Buffer>)) {
    if (lines.push(line) > KEPT_LINES) lines.shift();
    onLine?.(line);
  }
  return lines;
}
