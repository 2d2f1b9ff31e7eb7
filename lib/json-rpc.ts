/** One JSON-RPC 2.0 call over HTTP. */

export type JsonRpcAnswer = { result: unknown } | { error: { code: number; message: string } };

/** An `error` answer is returned; a server that cannot be reached, or does not speak JSON-RPC, throws. */
export async function requestJsonRpc(
  url: string,
  method: string,
  params: readonly unknown[],
  signal: AbortSignal,
): Promise<JsonRpcAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal,
  });
  const answer = (await response.json()) as Partial<{ result: unknown; error: { code: number; message: string } }>;
  if (answer.error) return { error: answer.error };
  return { result: answer.result };
}
