/** Ports in upstream's configuration files. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, isMap, isPair, isScalar, type Node, parseDocument } from 'yaml';

export const POSTGRES_PORT = 5432;
export const L1_PORT = 8545;
/** Upstream moves only ports in this range. */
const FIRST_SHARED = 3000;
const LAST_SHARED = 4999;
/** Leftovers of upstream's files: nothing listens there. */
const UNUSED = new Set(['data_handler.http_port', 'api.prometheus.listener_port']);

const TEMPLATE = join(import.meta.dirname, '../../templates/zksync/general.yaml');

/** Every `…port: n` that is moved: dotted path → port. */
export function portsOf({ contents }: Pick<Document, 'contents'>): Record<string, number> {
  const ports: Record<string, number> = {};
  walk(contents as Node | null, [], (path, value) => {
    const port = Number(value);
    if (path.at(-1)?.endsWith('port') && port >= FIRST_SHARED && port <= LAST_SHARED) ports[path.join('.')] = port;
  });
  return ports;
}

function walk(node: Node | null, path: string[], each: (path: string[], value: unknown) => void): void {
  if (!isMap(node)) return;
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key)) continue;
    const here = [...path, String(pair.key.value)];
    if (isScalar(pair.value)) each(here, pair.value.value);
    else walk(pair.value as Node | null, here, each);
  }
}

/** Name to default port of everything that a new devnet listens on. */
export async function defaultPorts(): Promise<Record<string, number>> {
  const used = Object.entries(portsOf(parseDocument(await readFile(TEMPLATE, 'utf8')) as unknown as Document)).filter(
    ([path]) => !UNUSED.has(path),
  );
  return { postgres: POSTGRES_PORT, l1: L1_PORT, ...Object.fromEntries(used) };
}
