/** How a container is asked for its health from inside: the spec's own probe, by the small program that every image of ours has. */
import type { Probe } from './types.ts';

/** Part of the base layer (compose/images/base); exits 0 when the component answers, else 1. */
export const HEALTH_PROGRAM = '/devkit/health.mjs';

/**
 * Argv of the health check of a container, without Docker's leading `CMD`: `node /devkit/health.mjs http <url> [status]`,
 * `… jsonrpc <url> <method>`, `… tcp <host:port>`, `… sql <host:port>`. It holds no password: argv of a health check is visible to all.
 */
export function healthCommand(probe: Probe): string[] {
  return ['node', HEALTH_PROGRAM, ...question(probe)];
}

function question(probe: Probe): string[] {
  switch (probe.kind) {
    case 'http':
      return ['http', probe.url, ...(probe.status === undefined ? [] : [String(probe.status)])];
    case 'jsonrpc':
      return ['jsonrpc', probe.url, probe.method];
    case 'tcp':
      return ['tcp', `${probe.host}:${probe.port}`];
    case 'sql':
      return ['sql', hostAndPort(probe.url)];
  }
}

function hostAndPort(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === '' ? 5432 : port}`;
}
