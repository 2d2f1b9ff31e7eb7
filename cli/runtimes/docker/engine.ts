import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type Docker from 'dockerode';
import { DevkitError } from '../../core/errors.ts';
import { compareVersions } from '../../core/requirements.ts';
import { type EngineFacts, engineFacts, OWN_ENGINE_SOCKET } from '../../host/engine.ts';

/** A container engine that answered. */
export interface Engine {
  docker: Docker;
  /** `unix:///var/run/docker.sock` */
  host: string;
  /** e.g. `20.10.24`. */
  version: string;
  /** The API version that is spoken with it, e.g. `1.41`. */
  apiVersion: string;
}

/** Docker 20.10. Older ones know neither `host-gateway` nor device requests by UUID as they are used here. */
const OLDEST_API = '1.41';
/** Docker 28.5, the newest one that was tried; a newer engine is spoken to in this version. */
const NEWEST_API = '1.51';

const PROCESS_INSTEAD = 'or run without containers: --runtime process';

/**
 * Finds the engine: DOCKER_HOST if set, else the first known socket that answers.
 * @throws DevkitError HOST_UNFIT, one message for each of: no socket, nobody listens, no permission, not an engine or too old, remote
 */
export async function connectEngine(options: { env?: Record<string, string | undefined> } = {}): Promise<Engine> {
  const client = import('dockerode'); // slow to load: meanwhile the engine is asked
  const facts = await engineFacts(options.env ?? process.env);
  if (facts.state !== 'reachable') throw unreachable(facts);
  const { socket, version = 'unknown', apiVersion = '0.0', minApiVersion } = facts;
  if (compareVersions(apiVersion, OLDEST_API) < 0) throw tooOld(facts);
  const spoken = spokenVersion(apiVersion, minApiVersion);
  const { default: Dockerode } = await client;
  const docker = new Dockerode({ socketPath: socket, version: `v${spoken}` });
  return { docker, host: `unix://${socket}`, version, apiVersion: spoken };
}

/** The engine's own version, but none that nobody tried, unless the engine accepts nothing older. */
export function spokenVersion(newest: string, oldest: string | undefined): string {
  const wanted = compareVersions(newest, NEWEST_API) > 0 ? NEWEST_API : newest;
  return oldest !== undefined && compareVersions(oldest, wanted) > 0 ? oldest : wanted;
}

function unreachable({ socket, state, message }: EngineFacts): DevkitError {
  if (state === 'remote') {
    return unfit(`remote engines are not supported yet: DOCKER_HOST is ${socket}`, {
      hint: `unset DOCKER_HOST, or point it to a socket of this machine (unix:///var/run/docker.sock), ${PROCESS_INSTEAD}`,
      socket,
      state,
    });
  }
  const hints: Record<Exclude<EngineFacts['state'], 'reachable' | 'remote'>, string> = {
    missing: `install Docker; on Debian or Ubuntu as root: scripts/docker-engine start; ${PROCESS_INSTEAD}`,
    refused: `start it: ${startCommand(socket)}; ${PROCESS_INSTEAD}`,
    denied: `usermod -aG docker ${userInfo().username} (as root), then log in again; ${PROCESS_INSTEAD}`,
    broken: `unset DOCKER_HOST or point it to the socket of an engine, ${PROCESS_INSTEAD}`,
  };
  return unfit(message, { hint: hints[state as keyof typeof hints], socket, state });
}

/** Who started the engine at this socket can start it again. */
export const startCommand = (socket: string): string =>
  socket === OWN_ENGINE_SOCKET
    ? 'scripts/docker-engine start'
    : /^(\/var)?\/run\//.test(socket)
      ? 'systemctl start docker'
      : `DEVKIT_DOCKER_DIR=${dirname(socket)} scripts/docker-engine start`;

function tooOld({ socket, version, apiVersion }: EngineFacts): DevkitError {
  return unfit(
    `Docker ${version} at ${socket} is too old: it speaks API ${apiVersion}, ${OLDEST_API} (20.10) is needed`,
    {
      hint: `install Docker 20.10 or newer, ${PROCESS_INSTEAD}`,
      socket,
      state: 'old',
    },
  );
}

function unfit(message: string, { hint, ...details }: { hint: string; socket: string; state: string }): DevkitError {
  return new DevkitError('HOST_UNFIT', message, { hint, details });
}
