import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(
  new URL(
    `../../../node_modules/@foundry-rs/anvil-linux-${process.arch === 'x64' ? 'amd64' : 'arm64'}/bin/anvil`,
    import.meta.url,
  ),
);

export interface Anvil extends AsyncDisposable {
  rpcUrl: string;
  call(method: string, ...params: unknown[]): Promise<unknown>;
  /** SIGINT, then waits for the end. */
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a real anvil on a free port and waits until it answers. */
export async function startAnvil(args: string[]): Promise<Anvil> {
  const port = await freePort();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const child = spawn(BINARY, ['--port', String(port), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const call = async (method: string, ...params: unknown[]) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    await ended;
  };
  while (!(await call('eth_chainId').catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(`anvil ended with ${child.exitCode}: ${errors}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { rpcUrl, call, stop, [Symbol.asyncDispose]: stop };
}
