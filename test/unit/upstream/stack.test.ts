/** The stack file: what it says, what wins over it, and where it is wrong. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DevkitError } from '../../../cli/core/errors.ts';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { type Stack, stackJsonSchema } from '../../../cli/core/stack.ts';
import { readStack, type StackOptions } from '../../../cli/services/stack.ts';
import { UPSTREAM_IDS } from '../../../systems/zksync/upstream/components.ts';

const TEMPLATES = resolve(import.meta.dirname, '../../../templates/zksync');

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stack-'));
  file = join(dir, 'devkit.yaml');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const read = (options: StackOptions = {}): Promise<Stack> =>
  readStack({ paths: devnetPaths(dir, 'default'), cwd: dir }, { env: {}, ...options });

async function failure(text: string): Promise<{ code: string; message: string; hint: string | undefined }> {
  await writeFile(file, text);
  const error = await read().then(
    () => new Error('it was read'),
    (cause: unknown) => cause,
  );
  if (!(error instanceof DevkitError)) throw error;
  return { code: error.code, message: error.message.replaceAll(dir, '<dir>'), hint: error.hint };
}

test('without a file: the defaults', async () => {
  expect(await read()).toMatchObject({
    variant: 'reference',
    runtime: 'process',
    tag: 'latest',
    images: {},
    binaries: {},
    devices: 'auto',
    file: undefined,
    sources: { variant: 'default', tag: 'default' },
  });
});

test('defaults < file < environment < flags, and where each value comes from', async () => {
  await writeFile(file, 'version: 1\nvariant: upstream\nruntime: docker\ntag: of-file\n');
  expect(await read()).toMatchObject({ tag: 'of-file', sources: { tag: `${file}:4`, devices: 'default' } });
  const env = { DEVKIT_TAG: 'of-env', DEVKIT_RUNTIME: 'process' };
  expect(await read({ env })).toMatchObject({ tag: 'of-env', runtime: 'process', sources: { tag: 'DEVKIT_TAG' } });
  const flags = { tag: 'of-flag', variant: undefined };
  expect(await read({ env, flags })).toMatchObject({ tag: 'of-flag', variant: 'upstream', sources: { tag: '--tag' } });
});

test('memory limits are sizes, of components that there are', async () => {
  await writeFile(file, 'version: 1\nmemory:\n  circuit-prover: 6GiB\n');
  expect((await read()).memory).toEqual({ 'circuit-prover': 6 * 2 ** 30 });
  const { message } = await failure('version: 1\nmemory:\n  circuit-prover: much\n');
  expect(message).toContain('<dir>/devkit.yaml:3:19: memory.circuit-prover: a size like 6GiB or 500MB');
});

test('programs are relative to the file and know where they are named', async () => {
  await writeFile(file, 'version: 1\nbinaries:\n  gateway: bin/gw\n  compressor: /opt/c\n');
  expect((await read()).binaries).toEqual({
    gateway: { path: join(dir, 'bin', 'gw'), from: `${file}:3 (binaries.gateway)` },
    compressor: { path: '/opt/c', from: `${file}:4 (binaries.compressor)` },
  });
});

test('another file, by flag or DEVKIT_STACK', async () => {
  await writeFile(join(dir, 'gpu.yaml'), 'version: 1\ntag: gpu\n');
  expect((await read({ file: 'gpu.yaml' })).tag).toBe('gpu');
  expect((await read({ env: { DEVKIT_STACK: join(dir, 'gpu.yaml') } })).tag).toBe('gpu');
  await expect(read({ file: 'none.yaml' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each([
  [
    'version: 1\nvarient: upstream\n',
    '<dir>/devkit.yaml:2:1: varient is not a key of a stack',
    'did you mean variant?',
  ],
  [
    'version: 1\nimages:\n  circuit-provr: a\n',
    '<dir>/devkit.yaml:3:3: images.circuit-provr is not a key of a stack',
    'did you mean circuit-prover?',
  ],
  ['variant: upstream\n', '<dir>/devkit.yaml: version is missing', 'version: 1'],
  ['version: 2\n', '<dir>/devkit.yaml:1:10: version: takes 1', expect.any(String)],
  ['version: 1\nvariant: mine\n', '<dir>/devkit.yaml:2:10: variant: takes reference, upstream', expect.any(String)],
  [
    'version: 1\ndevices: [GPU-1]\n',
    expect.stringMatching(/^<dir>\/devkit.yaml:2:1[01]: devices.*UUID/),
    expect.any(String),
  ],
  ['version: 1\ntag: [\n', expect.stringMatching(/^<dir>\/devkit.yaml:\d+:\d+: not YAML: /), expect.any(String)],
  ['- 1\n', expect.stringMatching(/^<dir>\/devkit.yaml:1:1: the file: /), expect.any(String)],
  ['version: 1\nversion: 1\n', expect.stringMatching(/^<dir>\/devkit.yaml:2:1: not YAML: /), expect.any(String)],
])('%j says where it is wrong', async (text, message, hint) => {
  expect(await failure(text)).toEqual({ code: 'CONFIG_INVALID', message, hint });
});

test('flags and variables are checked as the file is', async () => {
  await expect(read({ flags: { tag: 'a b' } })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(/^--tag: /),
  });
  await expect(read({ env: { DEVKIT_VARIANT: 'x' } })).rejects.toMatchObject({
    message: 'DEVKIT_VARIANT: takes reference, upstream, not "x"',
  });
});

test.each(['stack.yaml', 'stack-gpu.yaml'])(
  'the template %s can be used, and so can what it has in comments',
  async (name) => {
    await cp(join(TEMPLATES, name), file);
    const plain = await read();
    expect(plain.sources['variant']).toMatch(/devkit\.yaml:\d+$/);
    const text = await readFile(file, 'utf8');
    const active = text
      .replaceAll(/^# (?=(?:tag|images|binaries| {2}[a-z-]+):)/gm, '')
      .replaceAll('<sha>-<timestamp>', '1a2b3c4-1751450000000');
    expect(active).not.toBe(text);
    await writeFile(file, active);
    const full = await read();
    expect(Object.keys({ ...full.images, ...full.binaries }).length).toBeGreaterThan(1);
  },
);

test('JSON Schema: every key described, nothing else allowed', () => {
  const schema = stackJsonSchema({
    systems: ['zksync'],
    system: 'zksync',
    names: { images: UPSTREAM_IDS, binaries: UPSTREAM_IDS, memory: UPSTREAM_IDS },
  }) as {
    additionalProperties: boolean;
    required: string[];
    properties: Record<string, { description?: string }>;
  };
  expect(schema.additionalProperties).toBe(false);
  expect(schema.required).toEqual(['version']);
  for (const [key, value] of Object.entries(schema.properties)) expect(value.description, key).toBeTruthy();
});
