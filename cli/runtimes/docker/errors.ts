/** The daemon's errors in the kit's words. Nothing outside this folder reads what the daemon says. */
import { DevkitError } from '../../core/errors.ts';
import type { ImageRef } from '../../core/types.ts';
import { startCommand } from './engine.ts';

/** What was being done, for messages. */
export interface About {
  /** Where the engine is, `unix:///…`. */
  host: string;
  /** After "Docker cannot", e.g. `create the network devkit-default-1a2b3c`. */
  action: string;
  /** Component that was being started. */
  component?: string;
  image?: { ref: ImageRef; tag: string };
}

interface DaemonError {
  statusCode?: number;
  code?: string;
  message?: string;
  json?: { message?: string } | null;
}

/** HTTP status of the daemon's answer; undefined when there was none. */
export const httpStatus = (error: unknown): number | undefined => (error as DaemonError | null)?.statusCode;

export const isMissing = (error: unknown): boolean => httpStatus(error) === 404;
/** 304: it was so already. dockerode throws it like an error. */
export const isDone = (error: unknown): boolean => httpStatus(error) === 304;
export const isConflict = (error: unknown): boolean => httpStatus(error) === 409;

/** What the daemon said, without the wrapping of the client. */
export function daemonText(error: unknown): string {
  const { json, message = String(error) } = error as DaemonError;
  return (json?.message ?? message.replace(/^\(HTTP code \d+\) [^-]*- /, '')).trim();
}

const GONE = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** The number of the published port that somebody else has, from the error of a start. */
export function takenPort(error: unknown): number | undefined {
  const text = daemonText(error);
  if (!/address already in use|port is already allocated/.test(text)) return undefined;
  const port = /(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]*\]):(\d+)/.exec(text)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** Its chains are missing: for a moment while another engine of this machine starts, for good after a reload of the firewall. */
export const isFirewallReset = (error: unknown): boolean =>
  /iptables.*No chain\/target\/match by that name/s.test(daemonText(error));

/** Turns what dockerode throws into an error for the user. Errors of the kit, and aborts, pass as they are. */
export function translateError(error: unknown, about: About): unknown {
  if (error instanceof DevkitError) return error;
  const { code, statusCode, message } = error as DaemonError;
  if (statusCode === undefined) {
    const gone = (code !== undefined && GONE.has(code)) || message === 'socket hang up';
    return gone ? engineGone(error, about) : error;
  }
  const text = daemonText(error);
  return known(text, statusCode, about, error) ?? unknownError(text, about, error);
}

/** Runs one or more calls of the engine, errors translated. */
export async function engineCall<T>(about: About, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await call();
  } catch (error) {
    signal?.throwIfAborted();
    throw translateError(error, about);
  }
}

function engineGone(cause: unknown, { host, action }: About): DevkitError {
  return new DevkitError('HOST_UNFIT', `Docker cannot ${action}: the engine at ${host} does not answer any more`, {
    hint: `start it: ${startCommand(host.replace(/^unix:\/\//, ''))}`,
    details: { engineGone: true, host },
    cause,
  });
}

function known(text: string, status: number, about: About, cause: unknown): DevkitError | undefined {
  if (/no space left on device/i.test(text)) {
    return new DevkitError('HOST_UNFIT', `Docker cannot ${about.action}: its disk is full`, {
      hint: 'docker system df   shows what takes the space; devkit images prune',
      details: { said: text },
      cause,
    });
  }
  if (
    /could not select device driver|nknown runtime specified nvidia|unknown or invalid runtime name: nvidia/.test(text)
  ) {
    return noGpu('the engine has no driver for NVIDIA GPUs', text, about, cause);
  }
  if (/unresolvable CDI devices|CDI device injection failed|nvidia-container-cli/.test(text)) {
    return noGpu(text, text, about, cause);
  }
  if (/No such image|no such image/.test(text) && about.image) return missingImage(about.image, about, cause);
  if (/bind source path does not exist: (.+)$/.test(text)) {
    const folder = /bind source path does not exist: (.+)$/.exec(text)?.[1];
    return componentError(`there is no ${folder} to mount`, text, about, cause);
  }
  if (/device or resource busy/.test(text)) {
    return new DevkitError(
      'HOST_UNFIT',
      `Docker cannot ${about.action}: its files are still mounted, as after a crash of Docker`,
      {
        hint: 'restart Docker (systemctl restart docker), then say it again',
        details: { said: text },
        cause,
      },
    );
  }
  if (isFirewallReset(cause)) {
    return new DevkitError('HOST_UNFIT', `Docker cannot ${about.action}: its firewall rules are gone`, {
      hint: 'restart Docker (a reload of the firewall removes its rules): systemctl restart docker',
      details: { said: text },
      cause,
    });
  }
  if (/non-overlapping IPv4 address pool|all predefined address pools/.test(text)) {
    return new DevkitError('HOST_UNFIT', `Docker cannot ${about.action}: it has no address range left for a network`, {
      hint: 'devkit gc, then: docker network ls   shows the others',
      details: { said: text },
      cause,
    });
  }
  if (about.component !== undefined && (status === 400 || /OCI runtime|failed to create shim|exec format/.test(text))) {
    return componentError(text, text, about, cause);
  }
  return undefined;
}

/** Local images are made here, others come from a registry. */
export function missingImage({ ref, tag }: { ref: ImageRef; tag: string }, about: About, cause?: unknown): DevkitError {
  const local = 'local' in ref;
  const who = about.component === undefined ? '' : `${about.component} cannot be started: `;
  const what = local ? `the image ${tag} was not built on this machine` : `the image ${tag} is not on this machine`;
  return new DevkitError('NOT_FOUND', `${who}${what}`, {
    hint: local ? 'devkit images build' : `docker pull ${tag}`,
    details: { image: tag, local },
    cause,
  });
}

function noGpu(reason: string, said: string, { component = 'the container' }: About, cause: unknown): DevkitError {
  return new DevkitError('HOST_UNFIT', `${component} cannot be given a GPU: ${reason}`, {
    hint: 'devkit doctor --for upstream   says what is missing',
    details: { said },
    cause,
  });
}

function componentError(reason: string, said: string, about: About, cause: unknown): DevkitError {
  return new DevkitError('COMPONENT_FAILED', `${about.component ?? 'the container'} cannot be started: ${reason}`, {
    details: { said },
    cause,
  });
}

function unknownError(text: string, about: About, cause: unknown): DevkitError {
  const { component, action } = about;
  if (component !== undefined) return componentError(text, text, about, cause);
  return new DevkitError('HOST_UNFIT', `Docker cannot ${action}: ${text}`, { details: { said: text }, cause });
}
