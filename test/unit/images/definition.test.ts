import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { imageNames, parseContext, ROOT, readDefinition } from '../../../cli/runtimes/docker/images/definition.ts';

const names = await imageNames();

test('images are the folders of compose/images, the base first', () => {
  expect(names).toEqual(['base', 'anvil', 'postgres', 'proof-market', 'zksync']);
});

test('an unknown image is refused with the names there are', async () => {
  await expect(readDefinition('zksink')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: "there is no image 'zksink'; there are base, anvil, postgres, proof-market, zksync",
    hint: 'devkit images list',
  });
});

describe.each(names)('Dockerfile of %s', (name) => {
  const lines = async (): Promise<string[]> => {
    const text = await readFile(join(ROOT, 'compose/images', name, 'Dockerfile'), 'utf8');
    return text.split('\n').filter((line) => line.trim() !== '');
  };

  test('runs nothing while it is built and names no other syntax', async () => {
    const words = (await lines()).map((line) => line.split(' ')[0]);
    expect(words.filter((word) => word === 'RUN' || word === 'VOLUME')).toEqual([]);
    expect((await lines()).filter((line) => /^#\s*syntax/.test(line))).toEqual([]);
  });

  test('stands on BASE_IMAGE, whose default is published', async () => {
    expect(await lines()).toContain('ARG BASE_IMAGE=node:24-bookworm-slim');
    expect((await lines()).join('\n')).toMatch(/^FROM \$\{BASE_IMAGE\}$/m);
  });

  test('starts its program without a shell, as nobody', async () => {
    expect(await lines()).toContain('USER 65534:65534');
    const started = (await lines()).filter((line) => /^(ENTRYPOINT|CMD)/.test(line));
    expect(started).toHaveLength(2);
    for (const line of started) expect(JSON.parse(line.replace(/^\w+ /, ''))).toBeInstanceOf(Array);
  });
});

describe('the allow-list', () => {
  const withSource = (path: string): string => `about: x\nsources:\n  - { path: '${path}', keep: [.ts], to: app }\n`;

  test.each([
    '/etc',
    '..',
    '../secrets',
    'lib/../..',
    'lib/../test',
    './lib',
    '~/keys',
    'test/unit',
    '.git',
    '.devkit',
    'node_modules',
    'library',
  ])('refuses the folder %s', (path) => {
    expect(() => parseContext(withSource(path), 'context.yaml')).toThrow(
      /^context\.yaml: sources\.0\.path: a folder of/,
    );
  });

  test('refuses a place outside the build context', () => {
    const text = 'about: x\ndata:\n  - { kind: package-json, to: ../package.json }\n';
    expect(() => parseContext(text, 'context.yaml')).toThrow(/data\.0\.to: a path inside the build context/);
  });

  test('refuses keys it does not know, and names the file for text that is no YAML', () => {
    expect(() => parseContext('about: x\ncopy: [all]\n', 'context.yaml')).toThrow(/context\.yaml: .*"copy"/);
    expect(() => parseContext('about: [', '/x/context.yaml')).toThrow(/^\/x\/context\.yaml: /);
  });
});
