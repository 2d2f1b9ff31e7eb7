import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { listenAddress } from '../../../../lib/listen-address.ts';
import type { Logger } from './log.ts';
import { PortError } from './metrics.ts';

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

/** The APIs take writes from whoever reaches them, so only this machine may. */
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** Listens until disposed. @throws PortError, Error for an address beyond loopback */
export async function listenHttp(
  app: FastifyInstance,
  what: string,
  { host, port }: { host: string; port: number },
): Promise<AsyncDisposable & { port: number }> {
  if (!LOOPBACK.test(host)) {
    throw new Error(
      `${what}: bind_address ${host} is not on loopback, and writes are not protected: set 127.0.0.1 in general.yaml`,
    );
  }
  try {
    await app.listen({ host: listenAddress(host), port });
  } catch (error) {
    throw new PortError(what, host, port, error as Error);
  }
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    [Symbol.asyncDispose]: () => app.close(),
  };
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
