import { TransientError } from './errors.ts';

/** How patient a download is. */
export interface Patience {
  /** Tries in a row that bring nothing. */
  attempts: number;
  /** Wait after the first failure; doubles each time. */
  delayMs: number;
  maxDelayMs: number;
  /** A connection that brings nothing for so long is given up. */
  stallMs: number;
}

export const PATIENCE: Patience = { attempts: 6, delayMs: 500, maxDelayMs: 30_000, stallMs: 60_000 };

export interface Answer {
  response: Response;
  /** The body, piece by piece. @throws TransientError when the connection ends or stalls */
  chunks(): AsyncGenerator<Uint8Array>;
}

export interface Asked {
  method?: 'GET' | 'HEAD';
  headers?: Record<string, string>;
  stallMs: number;
  signal: AbortSignal;
}

/**
 * One HTTP request. Answers below 500 are returned, whatever they say (408 and 429 excepted).
 * @throws TransientError, or the signal's reason when aborted. The caller reads the body or calls `release`.
 */
export async function request(url: string, asked: Asked): Promise<Answer> {
  const stalled = new AbortController();
  const signal = AbortSignal.any([asked.signal, stalled.signal]);
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${asked.stallMs} ms`)), asked.stallMs);
  };
  const failed = (cause: unknown): unknown => {
    clearTimeout(timer);
    if (asked.signal.aborted) return asked.signal.reason;
    const why = stalled.signal.aborted ? (stalled.signal.reason as Error) : cause;
    return new TransientError(`${withoutQuery(url)}: ${rootMessage(why)}`, { cause: why });
  };
  wait();
  let response: Response;
  try {
    // a body that is compressed on the way would be neither resumable nor of the size that was listed
    const headers = { 'accept-encoding': 'identity', ...asked.headers };
    response = await fetch(url, { method: asked.method ?? 'GET', headers, signal });
  } catch (error) {
    throw failed(error);
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader();
    try {
      while (reader) {
        wait();
        const { done, value } = await reader.read().catch((error: unknown) => {
          throw failed(error);
        });
        if (done) return;
        yield value;
      }
    } finally {
      clearTimeout(timer);
      await reader?.cancel().catch(() => {}); // a body that broke off cannot be cancelled, and need not be
    }
  }
  clearTimeout(timer);
  const answer = { response, chunks };
  const { status } = response;
  if (status >= 500 || status === 408 || status === 429) {
    await release(answer);
    const retryAfterMs = retryAfter(response);
    throw new TransientError(`${withoutQuery(url)}: HTTP ${status}`, {
      status,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
  return answer;
}

/** For messages: the query of a list says nothing to people. */
export const withoutQuery = (url: string): string => url.split('?')[0] as string;

/** Lets go of an answer whose body is of no interest. */
export async function release({ response }: Answer): Promise<void> {
  await response.body?.cancel().catch(() => {}); // the connection may be gone already
}

/** Body of a small answer. */
export async function textOf(answer: Answer, limitBytes = 64 * 2 ** 20): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.chunks()) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw new Error(`${answer.response.url}: an answer of more than ${limitBytes} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** What to wait after the `failures`-th failure in a row. */
export function backoffMs(failures: number, patience: Patience, error: unknown): number {
  const own = Math.min(patience.maxDelayMs, patience.delayMs * 2 ** (failures - 1));
  const asked = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(own, Math.min(asked, patience.maxDelayMs));
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** fetch hides the reason (`fetch failed`) in its causes. */
function rootMessage(error: unknown): string {
  let at = error as Error & { code?: string };
  while (at.cause instanceof Error) at = at.cause as Error & { code?: string };
  return at.message !== '' ? at.message : (at.code ?? at.name);
}
