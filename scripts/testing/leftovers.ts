import { askEngineApi } from './engine-api.ts';

/** What tests make carries one of these. */
const LABELS = ['devkit.dir', 'org.testcontainers'];
/** testcontainers' own clean-up program; it ends by itself. */
const RYUK_LABEL = 'org.testcontainers.ryuk';
const ANSWER_MS = 10_000;

interface Listed {
  Id?: string;
  Name?: string;
  Names?: string[];
  Labels?: Record<string, string> | null;
}

/** Containers (also stopped ones), networks and volumes that tests made, e.g. `container devkit-default-1a2b3c-l1`; sorted. */
export async function labelledThings(socketPath: string): Promise<string[]> {
  const found = new Set<string>();
  for (const label of LABELS) {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    const list = async (path: string): Promise<unknown> =>
      (await askEngineApi(socketPath, `${path}filters=${filters}`, ANSWER_MS)).body;
    for (const thing of asList(await list('/containers/json?all=1&'))) {
      if (!(RYUK_LABEL in (thing.Labels ?? {}))) found.add(`container ${nameOf(thing)}`);
    }
    for (const thing of asList(await list('/networks?'))) found.add(`network ${nameOf(thing)}`);
    const { Volumes } = (await list('/volumes?')) as { Volumes?: unknown };
    for (const thing of asList(Volumes)) found.add(`volume ${nameOf(thing)}`);
  }
  return [...found].sort();
}

/** What is there now and was not in `before`; looks again for `graceMs`, as something may be on its way out. */
export async function leftovers(socketPath: string, before: readonly string[], graceMs: number): Promise<string[]> {
  const deadline = Date.now() + graceMs;
  for (;;) {
    const left = (await labelledThings(socketPath)).filter((thing) => !before.includes(thing));
    if (left.length === 0 || Date.now() >= deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const asList = (value: unknown): Listed[] => (Array.isArray(value) ? (value as Listed[]) : []);
const nameOf = ({ Name, Names, Id }: Listed): string => Name ?? Names?.[0]?.replace(/^\//, '') ?? Id ?? '?';
