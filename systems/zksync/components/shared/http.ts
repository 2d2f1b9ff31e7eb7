import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import type { Logger } from '../../../../lib/component/log.ts';

/** No request body is too large (upstream disables its limit); Node's strings end at 512 MiB anyway. */
const NO_LIMIT = 512 * 1024 * 1024;

/** A fastify server with upstream's habits: plain-text errors, no body limit. */
export function createHttpServer(log: Logger): FastifyInstance {
  const app = fastify({ bodyLimit: NO_LIMIT, forceCloseConnections: true });
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log.error({ err: error, url: request.url }, error.message);
    else log.warn({ url: request.url, status }, error.message);
    return reply.code(status).type('text/plain; charset=utf-8').send(error.message);
  });
  return app;
}

/** JSON with the plain content type that upstream's servers send (fastify would name a charset). */
export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(value)));
}

/** An answer that is an error: status and text as upstream has them. */
export class HttpError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HttpError';
    this.statusCode = statusCode;
  }
}
