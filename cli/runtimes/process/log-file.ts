import { open, stat } from 'node:fs/promises';
import { sleep } from '../../../lib/deadline.ts';

const CHUNK_BYTES = 64 * 1024;
const FOLLOW_MS = 100;

/** Last lines of a log, of what was written from byte `from` on. Empty when there is no file. */
export async function tailLines(path: string, lines: number, from = 0): Promise<string[]> {
  const size = await sizeOf(path);
  const start = Math.max(from, size - Math.max(CHUNK_BYTES, lines * 400));
  const text = await readRange(path, start, size);
  const all = text.split('\n');
  if (all.at(-1) === '') all.pop();
  if (start > from) all.shift(); // the first line is cut
  return all.slice(-lines);
}

/** Lines of a log file from byte `from`; with `follow` until aborted. A file that is not there yet is waited for. */
export async function* readLog(
  path: string,
  options: { from: number; follow: boolean },
  signal: AbortSignal,
): AsyncGenerator<string> {
  let position = options.from;
  let rest = Buffer.alloc(0);
  while (!signal.aborted) {
    const size = await sizeOf(path);
    if (size < position) position = 0; // somebody emptied the file
    while (position < size) {
      const bytes = await readBytes(path, position, Math.min(size, position + CHUNK_BYTES));
      if (bytes.length === 0) break;
      position += bytes.length;
      const whole = Buffer.concat([rest, bytes]);
      const end = whole.lastIndexOf(10) + 1;
      rest = whole.subarray(end);
      if (end > 0)
        yield* whole
          .subarray(0, end - 1)
          .toString('utf8')
          .split('\n');
    }
    if (!options.follow) break;
    try {
      await sleep(FOLLOW_MS, signal);
    } catch {
      return; // aborted: the end of following, not a failure
    }
  }
  if (rest.length > 0 && !signal.aborted) yield rest.toString('utf8');
}

/** Byte where the last `lines` lines begin. */
export async function tailOffset(path: string, lines: number): Promise<number> {
  const size = await sizeOf(path);
  let found = -1; // the newline that ends the last line does not count
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const bytes = await readBytes(path, start, end);
    for (let i = bytes.length - 1; i >= 0; i--) {
      if (bytes[i] === 10 && ++found === lines) return start + i + 1;
    }
  }
  return 0;
}

export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

const readRange = async (path: string, start: number, end: number): Promise<string> =>
  end <= start ? '' : (await readBytes(path, start, end)).toString('utf8');

async function readBytes(path: string, start: number, end: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(end - start);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
