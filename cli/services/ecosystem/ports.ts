/** Ports of a chain: upstream's defaults, moved by 100 per chain and, where they are taken, by further hundreds. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isMap, isPair, isScalar, type Node, visit } from 'yaml';
import { allocatePorts, type PortAllocation } from '../../core/ports.ts';
import { holderLookup } from '../../host/ports.ts';
import { chainPaths, type Ecosystem, listChains } from './files.ts';
import { parseYaml, readYaml, type YamlDocument } from './yaml-file.ts';

export const POSTGRES_PORT = 5432;
export const L1_PORT = 8545;
/** Upstream moves only ports in this range. */
const FIRST_SHARED = 3000;
const LAST_SHARED = 4999;
const PER_CHAIN = 100;
/** Leftovers of upstream's files: nothing listens there. */
const UNUSED = new Set(['data_handler.http_port', 'api.prometheus.listener_port']);

const TEMPLATES = fileURLToPath(new URL('../../../templates/zksync/', import.meta.url));

export const templateFile = (name: string): string => `${TEMPLATES}${name}`;

export async function readTemplate(name: string): Promise<YamlDocument> {
  const path = templateFile(name);
  return parseYaml(await readFile(path, 'utf8'), path);
}

/** Every `…port: n` that is moved: dotted path → port. */
export function portsOf(document: YamlDocument): Record<string, number> {
  const ports: Record<string, number> = {};
  walk(document.contents as Node | null, [], (path, value) => {
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

/** Database, L1 and the first chain as one block: where one port is taken, all of them move. */
export async function allocateBlock(): Promise<PortAllocation> {
  return allocatePorts({ defaults: await allocationDefaults(), holderOf: holderLookup() });
}

/** Name to default port of everything that a new devnet listens on. */
export async function allocationDefaults(): Promise<Record<string, number>> {
  const used = Object.entries(portsOf(await readTemplate('general.yaml'))).filter(([path]) => !UNUSED.has(path));
  return { postgres: POSTGRES_PORT, l1: L1_PORT, ...Object.fromEntries(used) };
}

export interface ChainPortOptions {
  ecosystem: Ecosystem;
  /** Chain's internal id, from 1. */
  id: number;
  /** By how much the devnet's ports are moved. */
  shift: number;
  tight: boolean;
}

/** Ports for a chain whose general.yaml is new. @returns a line for the user when they are not the usual ones */
export async function assignPorts(document: YamlDocument, options: ChainPortOptions): Promise<string | undefined> {
  const usual = portsOf(document);
  const offset = options.shift + (options.tight ? 0 : (options.id - 1) * PER_CHAIN);
  const others = await portsOfOthers(options.ecosystem);
  const inUse = holderLookup();
  const { ports, notice } = allocatePorts({
    defaults: Object.fromEntries(Object.entries(usual).map(([path, port]) => [path, port + offset])),
    holderOf: (port) => others.get(port) ?? inUse(port),
  });
  movePorts(document, usual, ports);
  return notice;
}

async function portsOfOthers(ecosystem: Ecosystem): Promise<Map<number, string>> {
  const taken = new Map<number, string>();
  for (const name of await listChains(ecosystem)) {
    const file = chainPaths(ecosystem.paths.dir, name).general;
    if (!existsSync(file)) continue;
    for (const port of Object.values(portsOf(await readYaml(file)))) taken.set(port, `chain '${name}'`);
  }
  return taken;
}

/** Sets the ports and rewrites every URL and address that names an old one. */
export function movePorts(
  document: YamlDocument,
  from: Readonly<Record<string, number>>,
  to: Readonly<Record<string, number>>,
): void {
  const moved = new Map(Object.entries(from).map(([path, port]) => [port, to[path] ?? port]));
  for (const [path, port] of Object.entries(to)) document.setIn(path.split('.'), port);
  visit(document, {
    Pair(_key, pair) {
      if (!isScalar(pair.key) || !isScalar(pair.value) || typeof pair.value.value !== 'string') return;
      if (!/(url|addr)$/.test(String(pair.key.value))) return;
      pair.value.value = pair.value.value.replace(
        /^(\w+:\/\/(?:127\.0\.0\.1|localhost|0\.0\.0\.0)|127\.0\.0\.1|0\.0\.0\.0):(\d+)/,
        (all, host: string, port: string) => {
          const next = moved.get(Number(port));
          return next === undefined ? all : `${host}:${next}`;
        },
      );
    },
  });
}
