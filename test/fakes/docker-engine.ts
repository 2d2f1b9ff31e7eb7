/** A container engine as far as the kit talks to one: the Engine API on a unix socket, with containers that exist on paper only. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Answer,
  type Ending,
  exit,
  type FakeContainer,
  type FakeEngineOptions,
  type FakeRequest,
  type FakeState,
  type Labelled,
  ROUTES,
} from './docker-engine-api.ts';

/** The next requests that match are answered with an error. */
export interface Fault {
  method: string;
  path: RegExp;
  status: number;
  message: string;
  /** Default: every one. */
  times?: number;
}

export interface FakeEngine extends AsyncDisposable {
  /** `unix:///…` */
  host: string;
  socket: string;
  requests: FakeRequest[];
  containers: Map<string, FakeContainer>;
  networks: Map<string, Labelled & { Id: string; Name: string }>;
  volumes: Map<string, Labelled & { Name: string }>;
  images: Set<string>;
  fail(fault: Fault): void;
  /** A container ends by itself. */
  exit(name: string, end: Ending): void;
  /** The engine goes away, its socket with it. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

export async function fakeEngine(options: FakeEngineOptions = {}): Promise<FakeEngine> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-engine-'));
  const socket = join(dir, 'docker.sock');
  const faults: Fault[] = [];
  const engine: FakeState = {
    options,
    requests: [],
    containers: new Map(),
    networks: new Map(),
    volumes: new Map(),
    images: new Set(options.images),
  };
  const server = createServer((request, response) => {
    void answer(engine, faults, request, response);
  });
  const listen = (): Promise<void> => new Promise((resolve) => server.listen(socket, resolve));
  const goAway = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  await listen();
  return {
    ...engine,
    host: `unix://${socket}`,
    socket,
    fail: (fault) => faults.push(fault),
    exit: (name, end) => exit(engine, name, end),
    goAway,
    comeBack: async () => {
      await rm(socket, { force: true });
      await listen();
    },
    [Symbol.asyncDispose]: async () => {
      await goAway();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function answer(
  engine: FakeState,
  faults: Fault[],
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const request = await readRequest(message);
  engine.requests.push(request);
  const fault = faults.find(({ method, path }) => method === request.method && path.test(request.path));
  let result: Answer;
  if (fault) {
    if (fault.times !== undefined && --fault.times <= 0) faults.splice(faults.indexOf(fault), 1);
    result = { status: fault.status, body: { message: fault.message } };
  } else {
    const route = ROUTES.find(([method, path]) => method === request.method && path.test(request.path));
    const name = decodeURIComponent(route?.[1].exec(request.path)?.[1] ?? '');
    result = route
      ? route[2](engine, name, request)
      : { status: 501, body: { message: `not in the fake: ${request.path}` } };
  }
  response.writeHead(result.status, { 'content-type': 'application/json' });
  response.end(
    result.body === undefined ? undefined : Buffer.isBuffer(result.body) ? result.body : JSON.stringify(result.body),
  );
}

async function readRequest(message: IncomingMessage): Promise<FakeRequest> {
  const url = new URL(message.url ?? '/', 'http://engine');
  const [, version, path = url.pathname] = /^\/v([\d.]+)(\/.*)$/.exec(url.pathname) ?? [];
  let text = '';
  for await (const chunk of message) text += String(chunk);
  const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { method: message.method ?? 'GET', path, version, query: url.searchParams, body };
}
