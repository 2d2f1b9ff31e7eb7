import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import { linkOf, listPids, readProcess } from './proc.ts';

const LISTEN = '0A';

export interface PortHolder {
  port: number;
  /** Unknown when the holder belongs to another user and we are not root. */
  pid?: number;
  name?: string;
}

/** Ports that somebody listens on, on any address, with the inode of the socket. */
export function listeningPorts(): Map<number, string> {
  const ports = new Map<number, string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readLines(file).slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === LISTEN) ports.set(Number.parseInt(fields[1]?.split(':')[1] ?? '', 16), fields[9] ?? '');
    }
  }
  return ports;
}

/** Who listens on a port; undefined when nobody does. */
export function portHolder(port: number, listening: Map<number, string> = listeningPorts()): PortHolder | undefined {
  const inode = listening.get(port);
  if (inode === undefined) return undefined;
  const pid = listPids().find((candidate) => hasSocket(candidate, inode));
  const name = pid === undefined ? undefined : programName(pid);
  return { port, ...(pid === undefined ? {} : { pid }), ...(name === undefined ? {} : { name }) };
}

/** The file that runs: a thread's own name (`MainThread` of Node) says nothing. */
const programName = (pid: number): string | undefined => {
  const file = linkOf(pid, 'exe');
  return file === undefined ? readProcess(pid)?.name : basename(file);
};

/** `postgres (pid 12)`, or `another program` when the system does not tell us. */
export function describeHolder({ pid, name, port }: PortHolder): string {
  if (pid === undefined) return 'a program of another user';
  // Docker's own program, in front of a container
  if (name === 'docker-proxy') return `a container (docker ps --filter publish=${port})`;
  return `${name ?? 'a program'} (pid ${pid})`;
}

/** For `allocatePorts`: looks once at what listens now. */
export function holderLookup(): (port: number) => string | undefined {
  const listening = listeningPorts();
  return (port) => {
    const holder = portHolder(port, listening);
    return holder ? describeHolder(holder) : undefined;
  };
}

/** A port of the loopback interface that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve((address as { port: number }).port));
    });
  });
}

function hasSocket(pid: number, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkTarget(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  } catch {
    return false; // gone, or not ours to look into
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed meanwhile
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\n').filter(Boolean);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // no IPv6
    throw error;
  }
}
