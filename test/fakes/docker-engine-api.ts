/** What the fake engine answers to each request of the Engine API. */

export interface FakeRequest {
  method: string;
  /** Without the API version and the query. */
  path: string;
  version: string | undefined;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

export interface Labelled {
  Labels: Record<string, string>;
}

export interface FakeContainer extends Labelled {
  Id: string;
  Name: string;
  created: Record<string, unknown>;
  State: Record<string, unknown>;
  RestartCount: number;
}

export interface FakeEngineOptions {
  version?: string;
  apiVersion?: string;
  minApiVersion?: string;
  /** Images that are there. */
  images?: string[];
  info?: Record<string, unknown>;
}

export interface FakeState {
  options: FakeEngineOptions;
  requests: FakeRequest[];
  containers: Map<string, FakeContainer>;
  networks: Map<string, Labelled & { Id: string; Name: string }>;
  volumes: Map<string, Labelled & { Name: string }>;
  images: Set<string>;
}

export interface Answer {
  status: number;
  body?: unknown;
}

type Handler = (engine: FakeState, name: string, request: FakeRequest) => Answer;

const NEVER = '0001-01-01T00:00:00Z';
const missing = (what: string, name: string): Answer => ({
  status: 404,
  body: { message: `No such ${what}: ${name}` },
});
const ok = (body: unknown): Answer => ({ status: 200, body });

/** `label` filters, `key` or `key=value`, all of which must hold. */
function wanted({ query }: FakeRequest, { Labels }: Labelled): boolean {
  const { label = [] } = JSON.parse(query.get('filters') ?? '{}') as { label?: string[] };
  return label.every((entry) => {
    const [key = '', ...value] = entry.split('=');
    return value.length === 0 ? key in Labels : Labels[key] === value.join('=');
  });
}

function find({ containers }: FakeState, name: string): FakeContainer | undefined {
  return containers.get(name) ?? [...containers.values()].find(({ Id }) => Id === name);
}

/** Calls the handler with a container that is there. */
const withContainer =
  (work: (container: FakeContainer, engine: FakeState, request: FakeRequest) => Answer): Handler =>
  (engine, name, request) => {
    const container = find(engine, name);
    return container ? work(container, engine, request) : missing('container', name);
  };

const version: Handler = ({ options }) =>
  ok({
    Version: options.version ?? '20.10.24',
    ApiVersion: options.apiVersion ?? '1.41',
    MinAPIVersion: options.minApiVersion ?? '1.12',
  });

const createContainer: Handler = ({ containers, images }, _, { query, body }) => {
  const name = query.get('name') ?? '';
  if (!images.has(String(body['Image']))) return missing('image', String(body['Image']));
  if (containers.has(name))
    return { status: 409, body: { message: `Conflict. The container name "/${name}" is already in use` } };
  const Id = `${containers.size}`.padStart(12, 'c');
  containers.set(name, {
    Id,
    Name: `/${name}`,
    created: body,
    Labels: body['Labels'] as Record<string, string>,
    State: {
      Status: 'created',
      Running: false,
      Restarting: false,
      ExitCode: 0,
      Pid: 0,
      StartedAt: NEVER,
      FinishedAt: NEVER,
    },
    RestartCount: 0,
  });
  return { status: 201, body: { Id, Warnings: [] } };
};

const inspect = withContainer(({ Id, Name, created, State, RestartCount }) =>
  ok({
    Id,
    Name,
    State,
    RestartCount,
    LogPath: `/var/lib/docker/${Id}-json.log`,
    Config: created,
    HostConfig: created['HostConfig'],
  }),
);

const start = withContainer((container) => {
  if (container.State['Running']) return { status: 304 };
  container.State = {
    ...container.State,
    Status: 'running',
    Running: true,
    Restarting: false,
    Pid: 4_000_001,
    StartedAt: now(),
  };
  return { status: 204 };
});

const stop = withContainer((container) => {
  if (!container.State['Running']) return { status: 304 };
  container.State = {
    ...container.State,
    Status: 'exited',
    Running: false,
    Restarting: false,
    Pid: 0,
    FinishedAt: now(),
  };
  return { status: 204 };
});

const now = (): string => new Date().toISOString();

export interface Ending {
  exitCode: number;
  outOfMemory?: boolean;
  restarting?: boolean;
}

export function exit(engine: FakeState, name: string, end: Ending): void {
  const container = find(engine, name);
  if (!container) throw new Error(`there is no container ${name}`);
  const { exitCode, outOfMemory = false, restarting = false } = end;
  container.State = {
    ...container.State,
    Status: restarting ? 'restarting' : 'exited',
    Running: restarting,
    Restarting: restarting,
    ExitCode: exitCode,
    OOMKilled: outOfMemory,
    Pid: 0,
    FinishedAt: now(),
  };
}

const summaries = ({ containers }: FakeState, _: string, request: FakeRequest): Answer =>
  ok(
    [...containers.values()]
      .filter((container) => wanted(request, container))
      .map(({ Id, Name, Labels }) => ({ Id, Names: [Name], Labels, Ports: [] })),
  );

const removeFrom =
  (things: 'containers' | 'networks' | 'volumes', what: string): Handler =>
  (engine, name) => {
    const map: Map<string, Labelled & { Id?: string }> = engine[things];
    const [key] = [...map].find(([own, { Id }]) => own === name || Id === name) ?? [];
    if (key === undefined) return missing(what, name);
    map.delete(key);
    return { status: 204 };
  };

function createNamed(things: 'networks' | 'volumes'): Handler {
  return (engine, _, { body }) => {
    const Name = String(body['Name']);
    const thing = { Id: `id-${Name}`, Name, Labels: (body['Labels'] ?? {}) as Record<string, string> };
    if (!engine[things].has(Name)) engine[things].set(Name, thing);
    return { status: 201, body: engine[things].get(Name) };
  };
}

export const ROUTES: [method: string, path: RegExp, handler: Handler][] = [
  ['GET', /^\/version$/, version],
  ['GET', /^\/info$/, ({ options }) => ok(options.info ?? {})],
  [
    'GET',
    /^\/images\/(.+)\/json$/,
    ({ images }, name) => (images.has(name) ? ok({ Id: `sha256:${name}` }) : missing('image', name)),
  ],
  [
    'GET',
    /^\/networks$/,
    ({ networks }, _, request) => ok([...networks.values()].filter((own) => wanted(request, own))),
  ],
  ['POST', /^\/networks\/create$/, createNamed('networks')],
  ['DELETE', /^\/networks\/([^/]+)$/, removeFrom('networks', 'network')],
  [
    'GET',
    /^\/volumes$/,
    ({ volumes }, _, request) => ok({ Volumes: [...volumes.values()].filter((own) => wanted(request, own)) }),
  ],
  ['POST', /^\/volumes\/create$/, createNamed('volumes')],
  [
    'GET',
    /^\/volumes\/([^/]+)$/,
    ({ volumes }, name) => (volumes.has(name) ? ok(volumes.get(name)) : missing('volume', name)),
  ],
  ['DELETE', /^\/volumes\/([^/]+)$/, removeFrom('volumes', 'volume')],
  ['POST', /^\/containers\/create$/, createContainer],
  ['GET', /^\/containers\/json$/, summaries],
  ['GET', /^\/containers\/([^/]+)\/json$/, inspect],
  ['POST', /^\/containers\/([^/]+)\/start$/, start],
  ['POST', /^\/containers\/([^/]+)\/stop$/, stop],
  ['GET', /^\/containers\/([^/]+)\/logs$/, withContainer(() => ok(Buffer.alloc(0)))],
  ['DELETE', /^\/containers\/([^/]+)$/, removeFrom('containers', 'container')],
  [
    'GET',
    /^\/containers\/([^/]+)\/stats$/,
    withContainer(() => ok({ memory_stats: { usage: 3_000_000 }, cpu_stats: {}, pids_stats: { current: 2 } })),
  ],
  ['GET', /^\/events$/, () => ok(Buffer.alloc(0))],
];
