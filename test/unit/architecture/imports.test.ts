/** Which folder may import which, and which packages stay where. Read from the sources, not from what happens to run. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
const CODE = ['cli', 'lib', 'proving', 'systems', 'scripts', 'bench'];

interface Import {
  from: string;
  /** Path below the root, or the package. */
  to: string;
  local: boolean;
  lazy: boolean;
  typeOnly: boolean;
}

const files = CODE.filter((dir) => existsSync(join(ROOT, dir))).flatMap((dir) => sources(join(ROOT, dir)));
const imports = files.flatMap(importsOf);

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'));
}

function importsOf(from: string): Import[] {
  const text = readFileSync(join(ROOT, from), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  const add = (name: string, lazy: boolean, typeOnly: boolean): void => {
    const local = name.startsWith('.');
    const to = local ? relative(ROOT, resolve(ROOT, dirname(from), name)) : packageOf(name);
    found.push({ from, to, local, lazy, typeOnly });
  };
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)) {
    add(match[2] ?? '', false, match[1] !== undefined);
  }
  for (const match of text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)) add(match[1] ?? '', true, false);
  return found;
}

function packageOf(name: string): string {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/');
}

/** `systems/zksync/protocol/x.ts` → `protocol of zksync`. */
function layerOf(file: string): string {
  const parts = file.split('/');
  if (parts[0] === 'cli') return parts.length === 2 ? `cli/${parts[1]}` : `cli/${parts[1]}/`;
  if (parts[0] !== 'systems') return `${parts[0]}/`;
  if (parts.length === 3) return 'systems/index';
  if (parts[2] === 'components') return 'systems/components';
  // circuits and contracts are data and tools of the protocol
  return 'systems/protocol';
}

const systemOf = (file: string): string | undefined => (file.startsWith('systems/') ? file.split('/')[1] : undefined);

/** Layer → layers it may import (itself always). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'lib/': [],
  'proving/': ['lib/'],
  'systems/protocol': ['lib/', 'proving/'],
  'systems/components': ['lib/', 'proving/', 'systems/protocol'],
  'systems/index': ['lib/', 'systems/protocol', 'cli/core/'],
  'cli/core/': ['lib/'],
  'cli/host/': ['lib/', 'cli/core/'],
  'cli/runtimes/': ['lib/', 'cli/core/', 'cli/host/'],
  'cli/services/': ['lib/', 'proving/', 'systems/protocol', 'systems/index', 'cli/core/', 'cli/host/', 'cli/runtimes/'],
  'cli/output/': ['lib/', 'cli/core/', 'cli/commands/'],
  'cli/commands/': ['lib/', 'systems/protocol', 'cli/core/', 'cli/output/', 'cli/services/'],
  'cli/main.ts': ['lib/', 'cli/core/', 'cli/output/', 'cli/commands/'],
  'cli/index.ts': ['lib/', 'systems/protocol', 'cli/core/', 'cli/services/'],
  'cli/testing/': ['lib/', 'systems/protocol', 'cli/core/', 'cli/services/', 'cli/index.ts'],
  'scripts/': [
    'lib/',
    'proving/',
    'systems/protocol',
    'systems/index',
    'cli/core/',
    'cli/commands/',
    'cli/services/',
    'cli/host/',
    'cli/index.ts',
    'cli/output/',
  ],
  'bench/': [
    'cli/runtimes/',
    'lib/',
    'proving/',
    'systems/protocol',
    'systems/index',
    'cli/core/',
    'cli/services/',
    'cli/host/',
    'cli/index.ts',
    'scripts/',
  ],
};

describe('import directions', () => {
  test('every file lies in a layer that is known', () => {
    expect([...new Set(files.map(layerOf))].filter((layer) => !(layer in MAY_IMPORT))).toEqual([]);
  });

  test.each(Object.entries(MAY_IMPORT))('%s imports only %j', (layer, allowed) => {
    const wrong = imports.filter(({ from, to, local }) => {
      const target = local ? layerOf(to) : layer;
      return layerOf(from) === layer && target !== layer && !allowed.includes(target);
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('output takes only types from commands', () => {
    const wrong = imports.filter(
      ({ from, to, typeOnly }) => layerOf(from) === 'cli/output/' && layerOf(to) === 'cli/commands/' && !typeOnly,
    );
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('a proof system knows no other one', () => {
    const wrong = imports.filter(({ from, to, local }) => {
      const system = systemOf(from);
      return local && system !== undefined && systemOf(to) !== undefined && systemOf(to) !== system;
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('every import of a file is of one that exists, with its ending', () => {
    const wrong = imports.filter(({ to, local }) => local && !existsSync(join(ROOT, to)));
    expect(wrong.map(describeImport)).toEqual([]);
  });
});

/** Packages that stay behind a border. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  execa: ['cli/runtimes/process/', 'cli/host/', 'proving/'],
  dockerode: ['cli/runtimes/docker/'],
  zx: ['scripts/'],
  commander: ['cli/commands/'],
  listr2: ['cli/output/'],
  vitest: ['test/', 'cli/testing/'],
  solc: ['scripts/'],
  '@aztec/bb.js': ['proving/'],
  '@noir-lang/noir_js': ['proving/'],
  '@noir-lang/noir_wasm': ['proving/'],
  '@zkpassport/poseidon2': ['proving/'],
};

test.each(Object.entries(ONLY_IN))('%s is imported only in %j', (name, folders) => {
  const wrong = imports.filter(
    ({ from, to, local }) => !local && to === name && !folders.some((dir) => from.startsWith(dir)),
  );
  expect(wrong.map(describeImport)).toEqual([]);
});

/** What is loaded before a command runs: files reached from `start` without lazy and type imports. */
function loadedBy(...start: string[]): { files: Set<string>; packages: Set<string> } {
  const seen = new Set<string>(start);
  const packages = new Set<string>();
  const queue = [...start];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const { from, to, local, lazy, typeOnly } of imports) {
      if (from !== file || lazy || typeOnly) continue;
      if (!local) packages.add(to);
      else if (!seen.has(to)) {
        seen.add(to);
        queue.push(to);
      }
    }
  }
  return { files: seen, packages: new Set([...packages].filter((name) => !name.startsWith('node:'))) };
}

test('devkit --help loads commander and nothing else from npm', () => {
  expect([...loadedBy('cli/main.ts').packages]).toEqual(['commander']);
});

const NOT_DECLARATIONS = ['cli/commands/run.ts', 'cli/commands/reference.ts'];

test('declaring the commands loads no other package either', () => {
  const commands = files.filter((file) => file.startsWith('cli/commands/') && !NOT_DECLARATIONS.includes(file));
  expect([...loadedBy(...commands).packages]).toEqual(['commander']);
});

const describeImport = ({ from, to }: Import): string => `${from} → ${to}`;
