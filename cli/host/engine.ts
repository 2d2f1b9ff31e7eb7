import { request } from 'node:http';
import { join } from 'node:path';

/** What was found where a container engine should be. */
export interface EngineFacts {
  socket: string;
  state: 'reachable' | 'missing' | 'refused' | 'denied' | 'remote' | 'broken';
  /** Version of the engine, when reachable. */
  version?: string;
  /** Newest API version it speaks, and the oldest one it still accepts (absent: any older one). */
  apiVersion?: string;
  minApiVersion?: string;
  /** One line for people. */
  message: string;
}

const ANSWER_MS = 2_000;

/** Socket of the engine that `scripts/docker-engine` starts. */
export const OWN_ENGINE_SOCKET = '/var/lib/devkit-docker/docker.sock';

/** Where an engine may listen, in order: the system's socket, the user's (rootless), the one of `scripts/docker-engine`. */
export function engineSockets(env: Record<string, string | undefined>): string[] {
  const users = env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'docker.sock')] : [];
  return ['/var/run/docker.sock', ...users, OWN_ENGINE_SOCKET];
}

/** Asks the engine's socket for its version; nothing else. DOCKER_HOST alone if it is set, else the first of `engineSockets` that answers. */
export async function engineFacts(env: Record<string, string | undefined> = process.env): Promise<EngineFacts> {
  const host = env.DOCKER_HOST;
  if (host !== undefined && host !== '' && !host.startsWith('unix://')) {
    return { socket: host, state: 'remote', message: `DOCKER_HOST is ${host}: only unix:// sockets are looked at` };
  }
  if (host) return askEngine(host.slice('unix://'.length));
  let first: EngineFacts | undefined;
  for (const socket of engineSockets(env)) {
    const facts = await askEngine(socket);
    if (facts.state === 'reachable') return facts;
    if (first === undefined || (first.state === 'missing' && facts.state !== 'missing')) first = facts;
  }
  return first as EngineFacts;
}

async function askEngine(socket: string): Promise<EngineFacts> {
  try {
    const versions = await engineVersions(socket);
    return { socket, state: 'reachable', ...versions, message: `Docker ${versions.version} at ${socket}` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { socket, state: 'missing', message: `no container engine: there is no ${socket}` };
    if (code === 'ECONNREFUSED') {
      return { socket, state: 'refused', message: `${socket} is there, but no engine listens: it is not running` };
    }
    if (code === 'EACCES' || code === 'EPERM') {
      return {
        socket,
        state: 'denied',
        message: `${socket} may not be used by this account: add it to the docker group`,
      };
    }
    return { socket, state: 'broken', message: `${socket}: ${message}` };
  }
}

type Versions = { version: string; apiVersion?: string; minApiVersion?: string };

function engineVersions(socketPath: string): Promise<Versions> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/version', timeout: ANSWER_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const versions = parseVersions(body);
        if (versions === undefined) reject(new Error('its answer is not that of a container engine'));
        else resolve(versions);
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}

/** Undefined for an answer that no engine gives. */
function parseVersions(body: string): Versions | undefined {
  let answer: { Version?: unknown; ApiVersion?: unknown; MinAPIVersion?: unknown } | null;
  try {
    answer = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof answer?.Version !== 'string') return undefined;
  return {
    version: answer.Version,
    ...(typeof answer.ApiVersion === 'string' ? { apiVersion: answer.ApiVersion } : {}),
    ...(typeof answer.MinAPIVersion === 'string' ? { minApiVersion: answer.MinAPIVersion } : {}),
  };
}
