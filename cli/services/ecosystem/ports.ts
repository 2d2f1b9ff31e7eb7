/** Ports of a chain: upstream's defaults, moved by 100 per chain and, where they are taken, by further hundreds. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isScalar, visit } from 'yaml';
import { defaultPorts, portsOf } from '../../../systems/zksync/ports.ts';
import { allocatePorts, type PortAllocation } from '../../core/ports.ts';
import { holderLookup } from '../../host/ports.ts';
import { chainPaths, type Ecosystem, listChains } from './files.ts';
import { parseYaml, readYaml, type YamlDocument } from './yaml-file.ts';

const PER_CHAIN = 100;

const TEMPLATES = fileURLToPath(new URL('../../../templates/zksync/', import.meta.url));

export const templateFile = (name: string): string => `${TEMPLATES}${name}`;

export async function readTemplate(name: string): Promise<YamlDocument> {
  const path = templateFile(name);
  return parseYaml(await readFile(path, 'utf8'), path);
}

/** Database, L1 and the first chain as one block: where one port is taken, all of them move. */
export async function allocateBlock(): Promise<PortAllocation> {
  return allocatePorts({ defaults: await defaultPorts(), holderOf: holderLookup() });
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
