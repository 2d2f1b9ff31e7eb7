import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { listenAddress } from '../listen-address.ts';
import { PortError } from './http.ts';

export interface MetricsServer extends AsyncDisposable {
  port: number;
}

/** Serves `GET /metrics` in the Prometheus text format. @throws PortError */
export async function serveMetrics(port: number, registry: Registry, host = '127.0.0.1'): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: Error) => response.writeHead(500, { 'content-type': 'text/plain' }).end(error.message),
    );
  });
  await listen(server, port, listenAddress(host));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new PortError('metrics', host, port, error)));
    server.listen(port, host, () => resolve());
  });
}
