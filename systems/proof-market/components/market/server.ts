/** The HTTP server: paths as the scripts build them, JSON in and out, Arango's error bodies, 200 for every success. */
import type { Socket } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { isConnectionError } from '../../../../lib/postgres.ts';
import { badRequest, ERROR_NUM, MarketError } from '../../protocol/errors.ts';
import { jsonText, parseJson } from '../../protocol/json.ts';
import { createAuthenticator } from './auth.ts';
import type { MarketContext } from './context.ts';
import { addAccountRoutes } from './routes/accounts.ts';
import { addMarketDataRoutes } from './routes/market-data.ts';
import { addOrderRoutes } from './routes/orders.ts';
import { addProofRoutes } from './routes/proofs.ts';
import { addStatementRoutes } from './routes/statements.ts';

/** Bodies of 10 MB and more are refused. */
export const BODY_LIMIT = 10_000_000 - 1;
/** `DB_NAME` and `MOUNT` of the scripts; they join them with a double slash. */
export const PREFIX = '/_db/market/v0_0';
const JSON_TYPE = 'application/json; charset=utf-8';

export function createMarketServer(context: MarketContext): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => void sendError(reply, toMarketError(error, context)),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  app.setReplySerializer((payload) => jsonText(payload));
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') await drain(request);
    return sendError(reply, toMarketError(error, context));
  });
  app.setNotFoundHandler((request, reply) =>
    sendError(reply, new MarketError(404, ERROR_NUM.notFound, `unknown path '${request.url.split('?')[0]}'`)),
  );
  const auth = createAuthenticator(context);
  addAccountRoutes(app, PREFIX, context, auth);
  addStatementRoutes(app, PREFIX, context, auth);
  addOrderRoutes(app, PREFIX, context, auth);
  addProofRoutes(app, PREFIX, context, auth);
  addMarketDataRoutes(app, PREFIX, context, auth);
  return app;
}

function sendError(reply: FastifyReply, { status, body }: MarketError): FastifyReply {
  return reply.code(status).header('content-type', JSON_TYPE).send(body);
}

function toMarketError(error: FastifyError, { log }: MarketContext): MarketError {
  if (error instanceof MarketError) return error;
  const { statusCode = 500 } = error;
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new MarketError(413, ERROR_NUM.tooLarge, `the body is larger than ${BODY_LIMIT} bytes`);
  }
  if (statusCode < 500) return new MarketError(statusCode, statusCode, error.message);
  if (isConnectionError(error)) {
    log.warn(`database not available: ${error.message}`);
    return new MarketError(503, ERROR_NUM.unavailable, 'the database of the market is not available');
  }
  log.error({ err: error }, error.message);
  return new MarketError(500, ERROR_NUM.internal, 'internal error');
}

/** Causes that Node tells apart; all others are 400. */
const BROKEN: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

/** What cannot be read as HTTP reaches no route: e.g. blanks in the path. */
function answerBrokenRequest({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, reason] = BROKEN[code ?? ''] ?? [400, 'Bad Request'];
  const body = jsonText(new MarketError(status, status, `this is no HTTP request: ${reason}`).body);
  const head = `HTTP/1.1 ${status} ${reason}\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
}

const DRAIN = { bytes: 100_000_000, ms: 10_000 } as const;

/** Reads what is left of a body that is refused: a client that is still sending would see a broken connection instead of the answer. */
function drain({ raw }: FastifyRequest): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const done = (): void => {
      clearTimeout(timer);
      raw.off('data', count);
      resolve();
    };
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > DRAIN.bytes) done();
    };
    const timer = setTimeout(done, DRAIN.ms);
    if (raw.readableEnded || raw.destroyed) return done();
    raw.once('end', done).once('close', done).on('data', count);
    raw.resume();
  });
}

export const isEmpty = ({ body }: FastifyRequest): boolean => !Buffer.isBuffer(body) || body.length === 0;

/** The JSON of a request. @throws MarketError 400 with Arango's number for JSON that cannot be read */
export function bodyOf({ body }: FastifyRequest): unknown {
  const text = Buffer.isBuffer(body) ? body.toString() : '';
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof RangeError) throw badRequest('the body is nested too deep');
    throw new MarketError(400, ERROR_NUM.corruptedJson, `expecting JSON: ${(error as Error).message}`);
  }
}
