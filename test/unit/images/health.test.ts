/** The health program as a container runs it: exit code 0 or 1. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const PROGRAM = join(import.meta.dirname, '../../../compose/images/base/health.mjs');

function health(...args: string[]): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (text) => {
      said += String(text);
    });
    child.once('close', (code) => resolve({ code, said: said.trim() }));
  });
}

const web = createServer((request, response) => {
  if (request.method === 'POST') {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      const { method } = JSON.parse(body) as { method: string };
      response.end(
        JSON.stringify(method === 'eth_chainId' ? { result: '0x9' } : { error: { message: 'no such method' } }),
      );
    });
    return;
  }
  response.writeHead(request.url === '/ok' ? 200 : 503).end('x');
});
/** Answers a start-up message with what the user's first byte after the head says. */
const databases: Record<string, Buffer> = {
  ready: Buffer.from('R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0', 'latin1'),
  starting: Buffer.from('E\0\0\0\x40SFATAL\0C57P03\0Mthe database system is starting up\0\0', 'latin1'),
  stranger: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
};
const servers = Object.entries(databases).map(([name, answer]) => ({
  name,
  server: createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  }),
}));

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
const databaseAt = (name: string): string => `127.0.0.1:${portOf(servers.find((each) => each.name === name)!.server)}`;
let url: string;
beforeAll(async () => {
  for (const server of [web, ...servers.map((each) => each.server)]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
  url = `http://127.0.0.1:${portOf(web)}`;
});
afterAll(() => {
  for (const server of [web, ...servers.map((each) => each.server)]) server.close();
});

describe('health', () => {
  test('http wants 200, or the status that is named', async () => {
    expect(await health('http', `${url}/ok`)).toEqual({ code: 0, said: '' });
    expect(await health('http', `${url}/busy`)).toEqual({ code: 1, said: 'HTTP 503' });
    expect(await health('http', `${url}/busy`, '503')).toEqual({ code: 0, said: '' });
  });

  test('jsonrpc wants a result', async () => {
    expect(await health('jsonrpc', url, 'eth_chainId')).toEqual({ code: 0, said: '' });
    expect(await health('jsonrpc', url, 'eth_nope')).toEqual({ code: 1, said: 'no such method' });
  });

  test('tcp wants somebody who listens', async () => {
    expect(await health('tcp', `localhost:${portOf(web)}`)).toMatchObject({ code: 0 });
    expect(await health('tcp', '127.0.0.1:1')).toEqual({ code: 1, said: 'ECONNREFUSED' });
  });

  test('sql wants a server that takes connections, and tells no password', async () => {
    expect(await health('sql', databaseAt('ready'))).toEqual({ code: 0, said: '' });
    expect(await health('sql', databaseAt('starting'))).toEqual({
      code: 1,
      said: 'the database system is starting up',
    });
    expect(await health('sql', databaseAt('stranger'))).toEqual({ code: 1, said: 'not a Postgres server' });
  });

  test.each([[[]], [['ping', 'x']], [['tcp', 'nowhere']], [['toString', 'x']]])(
    '%j is not a question',
    async (args) => {
      expect((await health(...args)).code).toBe(1);
    },
  );
});
