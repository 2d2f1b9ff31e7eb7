import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ApiError, type Method, numberParam } from '../../../systems/zksync/components/server/api/rpc-errors.ts';
import { apiServer } from '../../../systems/zksync/components/server/api/server.ts';
import { type Rpc, RpcError, RpcUnreachableError } from '../../../systems/zksync/components/server/json-rpc.ts';

/** The chain's node: says what it was asked. */
const node = (async (method: string, params: readonly unknown[]) => {
  if (method === 'eth_call') throw new RpcError({ code: 3, message: 'execution reverted', data: '0x08c3' });
  if (method === 'eth_gasPrice') throw new RpcUnreachableError('L2 node does not answer');
  return { method, params };
}) as Rpc;

const methods: Record<string, Method> = {
  zks_fails: async () => {
    throw new ApiError(-32000, 'not now');
  },
  zks_broken: async () => {
    throw new Error('secret detail');
  },
};

async function post(payload: unknown) {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const app = apiServer({ l2: node, methods, log: pino({ level: 'silent' }) });
  const answer = await app.inject({ method: 'POST', url: '/', payload: body });
  return answer.body === '' ? { status: answer.statusCode } : answer.json();
}
const call = (method: string, params: unknown[] = []) => post({ jsonrpc: '2.0', id: 7, method, params });

test('a read method is passed on with its parameters', async () => {
  expect(await call('eth_getBalance', ['0x1', 'latest'])).toEqual({
    jsonrpc: '2.0',
    id: 7,
    result: { method: 'eth_getBalance', params: ['0x1', 'latest'] },
  });
});

test.each(['anvil_setBalance', 'evm_mine', 'hardhat_reset', 'eth_sendTransaction', 'eth_sign', 'toString'])(
  '%s is not a method here',
  async (method) => {
    expect((await call(method)).error).toEqual({ code: -32601, message: `Method not found: ${method}` });
  },
);

test('a revert comes back with its code and data', async () => {
  expect((await call('eth_call')).error).toEqual({ code: 3, message: 'execution reverted', data: '0x08c3' });
});

test('a node that does not answer is an error of the server', async () => {
  expect((await call('eth_gasPrice')).error).toEqual({ code: -32000, message: 'L2 node does not answer' });
});

test('an error of a method is told, a bug is not', async () => {
  expect((await call('zks_fails')).error).toEqual({ code: -32000, message: 'not now' });
  expect((await call('zks_broken')).error).toEqual({ code: -32603, message: 'Internal error' });
});

test('a batch is answered in order, notifications are left out', async () => {
  const answers = await post([
    { jsonrpc: '2.0', id: 1, method: 'eth_chainId' },
    { jsonrpc: '2.0', method: 'eth_chainId' },
    { jsonrpc: '2.0', id: 2, method: 'evm_mine' },
  ]);
  expect(answers.map((answer: { id: number; error?: unknown }) => [answer.id, 'error' in answer])).toEqual([
    [1, false],
    [2, true],
  ]);
});

test('what is not a request is refused', async () => {
  expect((await post('{')).error.code).toBe(-32700);
  expect((await post('3')).error.code).toBe(-32600);
  expect((await post('null')).error.code).toBe(-32600);
  expect((await post([])).error.code).toBe(-32600);
});

test('numbers are taken as JSON numbers and as hex quantities', () => {
  expect([numberParam([3], 0), numberParam(['0x10'], 0)]).toEqual([3, 16]);
  expect(() => numberParam(['abc'], 0)).toThrow('invalid params');
  expect(() => numberParam([-1], 0)).toThrow('invalid params');
});
