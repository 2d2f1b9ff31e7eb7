import Fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from '../../../../../lib/component/log.ts';
import { isConnectionError } from '../../../../../lib/postgres.ts';
import { type Rpc, RpcError, RpcUnreachableError } from '../json-rpc.ts';
import { isForwarded } from './methods.ts';
import { ApiError, type Method, RPC_CODES } from './rpc-errors.ts';

const BODY_LIMIT = 10 * 1024 * 1024;
const MAX_BATCH = 500;

export interface ApiOptions {
  /** The chain's node, for the methods that are only passed on. */
  l2: Rpc;
  methods: Readonly<Record<string, Method>>;
  log: Logger;
}

interface Request {
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

/** JSON-RPC 2.0 over HTTP, single requests and batches. */
export function apiServer(options: ApiOptions): FastifyInstance {
  const app = Fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.addHook('onSend', async (_request, reply) => {
    reply.header('access-control-allow-origin', '*').header('access-control-allow-headers', 'content-type');
  });
  app.options('*', (_request, reply) => reply.code(204).send());
  app.post('/', async (request, reply) => {
    const answer = await answerBody(options, request.body as string);
    return answer === undefined ? reply.code(204).send() : reply.type('application/json').send(JSON.stringify(answer));
  });
  return app;
}

async function answerBody(options: ApiOptions, body: string): Promise<unknown> {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    return failure(null, RPC_CODES.parse, 'Parse error');
  }
  if (!Array.isArray(request)) return answerOne(options, request);
  if (request.length === 0 || request.length > MAX_BATCH) {
    return failure(null, RPC_CODES.invalidRequest, `a batch has 1 to ${MAX_BATCH} requests`);
  }
  const answers: unknown[] = [];
  // in order: a batch may hold transactions of one account
  for (const entry of request) {
    const answer = await answerOne(options, entry);
    if (answer !== undefined) answers.push(answer);
  }
  return answers.length === 0 ? undefined : answers;
}

async function answerOne(options: ApiOptions, request: unknown): Promise<unknown> {
  const { id, method, params = [] } = (request ?? {}) as Request;
  if (typeof request !== 'object' || typeof method !== 'string' || !Array.isArray(params)) {
    return failure(null, RPC_CODES.invalidRequest, 'Invalid request');
  }
  const answer = await call(options, method, params).then(
    (result) => ({ jsonrpc: '2.0', id, result }),
    (error: unknown) => toFailure(options.log, id, method, error),
  );
  return id === undefined ? undefined : answer;
}

async function call(options: ApiOptions, method: string, params: readonly unknown[]): Promise<unknown> {
  const own = Object.hasOwn(options.methods, method) ? options.methods[method] : undefined;
  if (own) return own(params);
  if (isForwarded(method)) return options.l2(method, params);
  throw new ApiError(RPC_CODES.methodNotFound, `Method not found: ${method}`);
}

function toFailure(log: Logger, id: unknown, method: string, error: unknown) {
  if (error instanceof ApiError) return failure(id, error.code, error.message);
  if (error instanceof RpcError) return failure(id, error.code, error.message, error.data);
  if (error instanceof RpcUnreachableError) return failure(id, RPC_CODES.server, error.message);
  if (isConnectionError(error)) return failure(id, RPC_CODES.server, 'the core database is not reachable');
  log.error({ err: error, method }, 'request failed');
  return failure(id, RPC_CODES.internal, 'Internal error');
}

const failure = (id: unknown, code: number, message: string, data?: unknown) => ({
  jsonrpc: '2.0',
  id: id ?? null,
  error: { code, message, ...(data === undefined ? {} : { data }) },
});
