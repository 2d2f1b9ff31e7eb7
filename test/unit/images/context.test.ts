import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packEntries } from '../../../cli/runtimes/docker/images/context.ts';
import { imageNames, ROOT, readDefinition } from '../../../cli/runtimes/docker/images/definition.ts';
import { type ContextEntry, contextEntries, sourceFiles } from '../../../cli/runtimes/docker/images/files.ts';
import { imageRecipe } from '../../../cli/runtimes/docker/images/recipe.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-context-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('the build context of zksync', () => {
  let entries: ContextEntry[];
  beforeAll(async () => {
    entries = await contextEntries(await readDefinition('zksync'));
  });
  const paths = (): Set<string> => new Set(entries.map(({ path }) => path));

  test('has every file and package that a component imports', () => {
    const { files, packages } = importedBy(COMPONENTS.map((name) => `systems/zksync/components/${name}/main.ts`));
    expect(files.size).toBeGreaterThan(100);
    const lacking = [...files].filter((file) => !paths().has(`sources/${file}`));
    expect(lacking).toEqual([]);
    // the compiler of circuits is loaded when keys are made, which containers do not do
    packages.delete('@noir-lang/noir_wasm');
    const absent = [...packages].filter((name) => !paths().has(`packages/node_modules/${name}/package.json`));
    expect(absent).toEqual([]);
  });

  test('holds nothing of the kit but the folders of the list: no tests, no secrets, no history, no command line', () => {
    const own = [...paths()].filter((path) => !path.startsWith('packages/'));
    const allowed =
      /^(Dockerfile|sources\/(package\.json|(lib|proving|systems\/zksync\/(components|protocol))\/.+\.(ts|sql)|systems\/zksync\/(circuits|contracts)\/artifacts\/.+\.json))$/;
    expect(own.filter((path) => !allowed.test(path))).toEqual([]);
    const suspicious = /(^|\/)(\.git|\.env|\.npmrc|\.devkit|wallets?\.ya?ml|secrets?\.ya?ml)(\/|$)|\.(pem|key|p12)$/;
    expect([...paths()].filter((path) => suspicious.test(path))).toEqual([]);
  });

  test('leaves out what only the command line or the build needs, and other platforms', () => {
    const packages = new Set(
      [...paths()].flatMap((path) => /^packages\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
    );
    for (const name of ['commander', 'listr2', 'dockerode', 'tar-stream', 'solc', 'typescript', 'vitest', 'zx']) {
      expect([...packages]).not.toContain(name);
    }
    expect([...paths()].filter((path) => /\.(d\.ts|map)$/.test(path))).toEqual([]);
    expect([...paths()].filter((path) => /bb\.js\/build\//.test(path))).toHaveLength(1);
  });
});

const COMPONENTS = ['gateway', 'witness-generator', 'circuit-prover', 'compressor', 'prover-job-monitor', 'server'];

/** Files below the root and packages, reached from `start` by any import that is not only of types, workers included. */
function importedBy(start: readonly string[]): { files: Set<string>; packages: Set<string> } {
  const files = new Set(start);
  const packages = new Set<string>();
  const queue = [...start];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    const text = readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    const found = [
      ...text.matchAll(/^(?:import|export)\s+(?!type\s)(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm),
      ...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g),
      ...text.matchAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g),
    ].map(([, name = '']) => name);
    for (const name of found) {
      if (name.startsWith('node:')) continue;
      if (!name.startsWith('.')) packages.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
      else {
        const path = relative(ROOT, resolve(ROOT, dirname(file), name));
        if (files.has(path) || !/\.\w+$/.test(path) || !existsSync(join(ROOT, path))) continue;
        files.add(path);
        if (path.endsWith('.ts')) queue.push(path);
      }
    }
  }
  return { files, packages };
}

test('the data directory of postgres is its own, closed to others, and takes the password from any address', async () => {
  const entries = await contextEntries(await readDefinition('postgres'));
  const found = (path: string): ContextEntry | undefined => entries.find((entry) => entry.path === path);
  expect(found('lib/postgresql/data')).toMatchObject({ kind: 'folder', mode: 0o700 });
  expect(found('lib/postgresql/data/PG_VERSION')).toMatchObject({ kind: 'file', mode: 0o600 });
  const hba = found('lib/postgresql/data/pg_hba.conf') as { content: string };
  expect(hba.content).toMatch(/^host all all all scram-sha-256\n$/m);
  expect(hba.content).not.toMatch(/^[^#\n]*\btrust\b/m);
});

test('a symbolic link among the sources is refused', async () => {
  await mkdir(join(dir, 'lib'), { recursive: true });
  await symlink('/etc/passwd', join(dir, 'lib/passwd.ts'));
  const sources = [{ path: 'lib', keep: ['.ts'], to: 'app' }];
  await expect(sourceFiles({ sources }, dir)).rejects.toThrow(/lib\/passwd\.ts is a symbolic link/);
  await rm(join(dir, 'lib'), { recursive: true });
});

test('equal contents are packed to equal bytes, with fixed owners and times', async () => {
  const entries: ContextEntry[] = [
    { kind: 'text', path: 'a/b.txt', mode: 0o644, content: 'hello' },
    { kind: 'file', path: 'c.json', mode: 0o755, source: join(ROOT, 'package.json') },
    { kind: 'link', path: 'd', target: 'a/b.txt' },
    { kind: 'folder', path: 'e', mode: 0o700 },
  ];
  const bytes = async (): Promise<Buffer> => Buffer.concat(await packEntries(entries).toArray());
  const first = await bytes();
  expect(hash(await bytes())).toBe(hash(first));
  const heads: unknown[] = [];
  const reader = extract();
  reader.end(first);
  for await (const entry of reader) {
    const { name, mode, uid, gid, type } = entry.header;
    heads.push({ name, mode: mode.toString(8), uid, gid, type });
    entry.resume();
  }
  expect(heads).toEqual([
    { name: 'a/b.txt', mode: '644', uid: 0, gid: 0, type: 'file' },
    { name: 'c.json', mode: '755', uid: 0, gid: 0, type: 'file' },
    { name: 'd', mode: '777', uid: 0, gid: 0, type: 'symlink' },
    { name: 'e/', mode: '700', uid: 0, gid: 0, type: 'directory' },
  ]);
});

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('a file that is gone breaks the context instead of leaving it short', async () => {
  const entries: ContextEntry[] = [{ kind: 'file', path: 'x', mode: 0o644, source: join(dir, 'gone') }];
  await expect(packEntries(entries).toArray()).rejects.toMatchObject({ code: 'ENOENT' });
});

describe('the recipe', () => {
  test('is the same whenever it is asked for, and differs between images', async () => {
    const names = await imageNames();
    const tags = async (): Promise<string[]> => Promise.all(names.map(async (name) => (await imageRecipe(name)).tag));
    const first = await tags();
    expect(await tags()).toEqual(first);
    expect(new Set(first).size).toBe(names.length);
    for (const [i, tag] of first.entries()) expect(tag).toMatch(new RegExp(`^devkit/${names[i]}:[0-9a-f]{12}$`));
  });

  test('changes with a source that the image holds, and with no other file', async () => {
    const copy = join(dir, 'copy');
    for (const path of ['lib', 'proving', 'systems/zksync', 'compose/images/base']) {
      await cp(join(ROOT, path), join(copy, path), { recursive: true });
    }
    const tagOf = async (name: string): Promise<string> => (await imageRecipe(name, copy)).tag;
    const [zksync, anvil] = [await tagOf('zksync'), await tagOf('anvil')];
    await writeFile(join(copy, 'systems/zksync/components/notes.md'), 'not taken');
    expect(await tagOf('zksync')).toBe(zksync);
    await writeFile(join(copy, 'systems/zksync/components/new.ts'), 'export {};\n');
    expect(await tagOf('zksync')).not.toBe(zksync);
    expect(await tagOf('anvil')).toBe(anvil);
    await writeFile(join(copy, 'compose/images/base/health.mjs'), '// other\n');
    expect(await tagOf('anvil')).not.toBe(anvil);
  });
});
