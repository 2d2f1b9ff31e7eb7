import { Socket } from 'node:net';
import { redactUrl } from '../../../lib/redact.ts';
import type { Probe } from '../../core/types.ts';

/** One question to a component. Undefined: it answered; otherwise why not, in a few words. */
export async function askProbe(probe: Probe, timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    return await ASK[probe.kind](probe as never, limit, timeoutMs);
  } catch (error) {
    signal.throwIfAborted();
    return reason(error);
  }
}

/** For messages: what is asked. */
export function describeProbe(probe: Probe): string {
  if (probe.kind === 'tcp') return `tcp ${probe.host}:${probe.port}`;
  if (probe.kind === 'jsonrpc') return `${probe.method} at ${redactUrl(probe.url)}`;
  return `${probe.kind === 'sql' ? 'select 1 at' : 'GET'} ${redactUrl(probe.url)}`;
}

type Ask<K extends Probe['kind']> = (
  probe: Extract<Probe, { kind: K }>,
  signal: AbortSignal,
  timeoutMs: number,
) => Promise<string | undefined>;

const http: Ask<'http'> = async ({ url, status = 200 }, signal) => {
  const response = await fetch(url, { signal });
  await response.body?.cancel();
  return response.status === status ? undefined : `HTTP ${response.status}`;
};

const jsonrpc: Ask<'jsonrpc'> = async ({ url, method }, signal) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [] }),
    signal,
  });
  const answer = (await response.json()) as { result?: unknown; error?: { message?: string } };
  return answer.result === undefined ? (answer.error?.message ?? 'no result') : undefined;
};

const sql: Ask<'sql'> = async ({ url }, _signal, timeoutMs) => {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    application_name: 'devkit-probe',
  });
  client.on('error', () => {}); // a connection that breaks also rejects the call below
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end();
  }
  return undefined;
};

const tcp: Ask<'tcp'> = ({ host, port }, signal) =>
  new Promise((resolve, reject) => {
    const socket = new Socket({ signal });
    socket.once('error', reject);
    socket.connect(port, host, () => {
      socket.destroy();
      resolve(undefined);
    });
  });

const ASK: { [K in Probe['kind']]: Ask<K> } = { http, jsonrpc, sql, tcp };

function reason(error: unknown): string {
  const { cause, code, message } = error as { cause?: { code?: string }; code?: string; message?: string };
  return cause?.code ?? (typeof code === 'string' ? code : undefined) ?? message ?? String(error);
}
