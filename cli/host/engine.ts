import { request } from 'node:http';
import { join } from 'node:path';

/** What was found where a container engine should be. */
export interface EngineFacts {
  socket: string;
  state: 'reachable' | 'missing' | 'refused' | 'denied' | 'remote' | 'broken';
  /** Version of the engine, when reachable. */
  version?: string;
  /** One line for people. */
  message: string;
}

const ANSWER_MS = 2_000;

/** Asks the engine's socket for its version; nothing else. DOCKER_HOST, then the system's socket, then the user's. */
export async function engineFacts(env: Record<string, string | undefined> = process.env): Promise<EngineFacts> {
  const host = env.DOCKER_HOST;
  if (host !== undefined && host !== '' && !host.startsWith('unix://')) {
    return { socket: host, state: 'remote', message: `DOCKER_HOST is ${host}: only unix:// sockets are looked at` };
  }
  if (host) return askEngine(host.slice('unix://'.length));
  const candidates = ['/var/run/docker.sock'];
  if (env.XDG_RUNTIME_DIR) candidates.push(join(env.XDG_RUNTIME_DIR, 'docker.sock'));
  let first: EngineFacts | undefined;
  for (const socket of candidates) {
    const facts = await askEngine(socket);
    if (facts.state === 'reachable') return facts;
    if (first === undefined || (first.state === 'missing' && facts.state !== 'missing')) first = facts;
  }
  return first as EngineFacts;
}

async function askEngine(socket: string): Promise<EngineFacts> {
  try {
    const version = await engineVersion(socket);
    return { socket, state: 'reachable', version, message: `Docker ${version} at ${socket}` };
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

function engineVersion(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/version', timeout: ANSWER_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const version = /"Version":"([^"]+)"/.exec(body)?.[1];
        if (version === undefined) reject(new Error('its answer is not that of a container engine'));
        else resolve(version);
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}
