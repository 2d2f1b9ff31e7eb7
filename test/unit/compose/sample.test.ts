import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type composeFile, mapStrings } from '../../../cli/core/compose.ts';
import { SAMPLE_FILE, SAMPLE_VARIABLES, sampleFile, sampleYaml } from '../../../scripts/compose.ts';

const committed = readFileSync(SAMPLE_FILE, 'utf8');

test('compose/zksync.yaml is the one of the specs', async () => {
  expect(committed, 'run: node scripts/compose.ts build').toBe(await sampleYaml());
});

test('with its variables filled in it is the file that an export writes', async () => {
  const values: Record<string, string> = {
    DEVKIT_DEVNET: 'dev',
    DEVKIT_USER: '1000:1000',
    DEVKIT_POSTGRES_PASSWORD: 'pw',
  };
  const value = (name: string): string => values[name] ?? `${name.toLowerCase()}/x`;
  const filled = mapStrings(parse(committed) as ReturnType<typeof composeFile>, (text) =>
    // paths of the sample are absolute
    text.replace(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => (isPath(name) ? `/${value(name)}` : value(name))),
  );
  const wanted = await sampleFile(value);
  for (const one of [filled, wanted])
    for (const { environment } of Object.values(one.services)) delete environment['POD_NAME'];
  expect(filled).toEqual(wanted);
});

const isPath = (name: string): boolean => ['DEVKIT_WORKSPACE', 'ECOSYSTEM_DIR', 'DEVKIT_CACHE_DIR'].includes(name);

test('it holds no secret and no path of a machine; each of its variables is explained', () => {
  expect(committed).not.toMatch(/notsecurepassword|\/(home|root|tmp|work|Users)\//);
  const used = new Set([...committed.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name));
  expect([...used].sort()).toEqual(Object.keys(SAMPLE_VARIABLES).sort());
  expect(committed.replaceAll(/\$\{\w+:\?[^}]*\}/g, '').replaceAll('$$', '')).not.toContain('$');
});

test('nothing is bound beyond loopback', () => {
  const { services } = parse(committed) as ReturnType<typeof composeFile>;
  const ports = Object.values(services).flatMap((service) => service.ports ?? []);
  expect(ports.length).toBeGreaterThan(10);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});
