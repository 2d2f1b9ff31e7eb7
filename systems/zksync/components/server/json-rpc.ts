import { retry } from '../../../../lib/retry.ts';

/** A node answered with an error. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;
  constructor(error: { code: number; message: string; data?: unknown }) {
    super(error.message);
    this.code = error.code;
    this.data = error.data;
  }
}

/** A node did not answer, or not with JSON-RPC. */
export class RpcUnreachableError extends Error {
  override readonly name = 'RpcUnreachableError';
}

/** Calls a method; gives its result. @throws RpcError, RpcUnreachableError */
export type Rpc = <T = unknown>(method: string, params?: readonly unknown[]) => Promise<T>;

const CALL_TIMEOUT_MS = 60_000;

/** JSON-RPC over HTTP. `name` is what errors call the node. */
export function httpRpc(url: string, name: string): Rpc {
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    let answer: { result?: T; error?: { code: number; message: string; data?: unknown } };
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      answer = (await response.json()) as typeof answer;
    } catch (cause) {
      throw new RpcUnreachableError(`${name} at ${url} does not answer ${method}: ${reasonOf(cause)}`, { cause });
    }
    if (answer.error) throw new RpcError(answer.error);
    return answer.result as T;
  };
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? (cause as NodeJS.ErrnoException).code || cause.message : message;
}

/** Asks again for up to two seconds when the node is not there: it may be restarting. Only for calls that change nothing. */
export function patientRpc(rpc: Rpc, signal: AbortSignal): Rpc {
  return (method, params) =>
    retry(() => rpc(method, params), {
      attempts: 11,
      delayMs: 200,
      retryIf: (error) => error instanceof RpcUnreachableError,
      signal,
    });
}
