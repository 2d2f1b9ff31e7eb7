import { Readable } from 'node:stream';
import { sleep } from '../../../lib/deadline.ts';
import { isEngineGone } from '../runtime.ts';
import type { Engine } from './engine.ts';
import { engineCall, isConflict, isMissing } from './errors.ts';
import { type TimedLine, timedLines, unixTime } from './log-lines.ts';

const AGAIN_MS = 150;

/**
 * Log lines of a container, found by name. With `follow` until aborted: one that is not there yet is waited for, and a restart, a
 * replacement or a restart of the engine is followed through.
 */
export async function* containerLines(
  engine: Engine,
  name: string,
  options: { follow: boolean; tail?: number | undefined },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { follow } = options;
  const begin = new Date().toISOString();
  let { tail } = options;
  if (tail === 0 && !follow) return;
  let last = tail === 0 ? begin : undefined;
  if (tail === 0) tail = undefined;
  while (!signal.aborted) {
    for await (const { at, line } of linesOnce(engine, name, { follow, since: last, tail }, signal)) {
      if (last !== undefined && at <= last) continue;
      yield line;
      if (signal.aborted) return;
      last = at;
    }
    if (!follow) return;
    if (tail !== undefined) last ??= begin;
    tail = undefined;
    try {
      await sleep(AGAIN_MS, signal);
    } catch {
      return; // aborted: the end of following, not a failure
    }
  }
}

interface ReadOptions {
  follow: boolean;
  since: string | undefined;
  tail: number | undefined;
}

/** Until the container ends. Nothing when there is no container, or, if following, no engine. */
async function* linesOnce(
  engine: Engine,
  name: string,
  options: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<TimedLine> {
  try {
    yield* timedLines(await openLog(engine, name, options, signal));
  } catch (error) {
    // 409: it is being removed
    if (signal.aborted || isMissing(error) || isConflict(error)) return;
    const translated = await engineCall(about(engine, name), () => Promise.reject(error)).catch((failure) => failure);
    if (options.follow && isEngineGone(translated)) return;
    throw translated;
  }
}

async function openLog(
  { docker }: Engine,
  name: string,
  { follow, since, tail }: ReadOptions,
  abortSignal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const query = {
    stdout: true,
    stderr: true,
    timestamps: true,
    abortSignal,
    ...(since === undefined ? {} : { since: unixTime(since) }),
    ...(tail === undefined ? {} : { tail }),
  };
  const container = docker.getContainer(name);
  if (!follow) return Readable.from([await container.logs({ ...query, follow: false })]);
  const stream = (await container.logs({ ...query, follow: true })) as Readable;
  const end = (): void => void stream.destroy();
  abortSignal.addEventListener('abort', end, { once: true });
  stream.once('close', () => abortSignal.removeEventListener('abort', end));
  return stream;
}

/** Part of a container's log: what was written from `since` on, up to `until` if that is given. */
export async function readLines(
  engine: Engine,
  name: string,
  options: { since: string; until?: string; lines: number },
): Promise<string[]> {
  const { since, until, lines } = options;
  const signal = new AbortController().signal;
  // the engine counts the tail from the end of the log, not from `until`
  const tail = until === undefined ? lines : undefined;
  const found: string[] = [];
  for await (const { at, line } of linesOnce(engine, name, { follow: false, since, tail }, signal)) {
    if (until === undefined || at <= until) found.push(line);
  }
  return found.slice(-lines);
}

const about = ({ host }: Engine, name: string): { host: string; action: string } => ({
  host,
  action: `read the log of ${name}`,
});
