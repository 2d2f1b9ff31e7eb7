/** Answers of the engine that come as a stream of JSON lines: builds, pulls, imports. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** One line of such an answer. */
export interface EngineLine {
  stream?: string;
  status?: string;
  error?: string;
  aux?: { ID?: string };
}

/** The engine began, and then reported a failure. `lines` is what it said before. */
export class EngineStreamError extends Error {
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[]) {
    super(message);
    this.name = 'EngineStreamError';
    this.lines = lines;
  }
}

const KEPT_LINES = 10;

/** Reads to the end; `onLine` sees every line. @throws EngineStreamError with the last lines; the stream's own error */
export async function followLines(stream: NodeJS.ReadableStream, onLine?: (line: EngineLine) => void): Promise<void> {
  const said: string[] = [];
  let failure: string | undefined;
  for await (const text of createInterface({ input: stream as Readable, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (text.trim() === '') continue;
    const line = JSON.parse(text) as EngineLine;
    const words = (line.stream ?? line.status ?? '').trim();
    if (words !== '') said.push(words);
    if (said.length > KEPT_LINES) said.shift();
    failure ??= line.error;
    onLine?.(line);
  }
  if (failure !== undefined) throw new EngineStreamError(failure, said);
}
