/** Listening on loopback. */
import type { FastifyInstance } from 'fastify';
import { listenAddress } from '../listen-address.ts';

/** A port that cannot be listened on. */
export class PortError extends Error {
  override readonly name = 'PortError';

  constructor(what: string, host: string, port: number, cause: Error) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    super(`${what}: ${taken ? `port ${port} on ${host} is in use` : cause.message}`, { cause });
  }
}

/** The servers take writes, and passwords in clear text, from whoever reaches them: only this machine may. */
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** Listens until disposed. @throws PortError, Error for an address beyond loopback */
export async function listenHttp(
  app: FastifyInstance,
  what: string,
  { host, port }: { host: string; port: number },
): Promise<AsyncDisposable & { port: number }> {
  if (!LOOPBACK.test(host)) {
    throw new Error(
      `${what}: bind_address ${host} is not on loopback, and neither writes nor passwords are protected: set 127.0.0.1`,
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
