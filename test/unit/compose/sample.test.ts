import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ComposeFile, mapStrings } from '../../../cli/core/compose.ts';
import { systemNames } from '../../../cli/core/system.ts';
import { composeSamples, sampleFile } from '../../../scripts/compose.ts';

const COMPOSE = join(import.meta.dirname, '../../../compose');
const samples = await composeSamples();

test('every system has its file, and there is no other', () => {
  expect(samples.map(({ system }) => system)).toEqual(systemNames());
  const there = readdirSync(COMPOSE).filter((name) => name.endsWith('.yaml'));
  expect(there.sort()).toEqual(systemNames().map((name) => `${name}.yaml`));
});

describe.each(samples)('the file of $system in compose/', ({ system, path, variables, yaml }) => {
  const committed = readFileSync(path, 'utf8');

  test('is the one of the specs', () => {
    expect(committed, 'run: node scripts/compose.ts build').toBe(yaml);
  });

  test('with its variables filled in it is the file that an export writes', async () => {
    const filled = mapStrings(parse(committed) as ComposeFile, (text) =>
      // paths of the sample are absolute
      text.replace(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => (isPath(name) ? `/${value(name)}` : value(name))),
    );
    const wanted = await sampleFile(system, value);
    for (const one of [filled, wanted])
      for (const { environment } of Object.values(one.services)) delete environment['POD_NAME'];
    expect(filled).toEqual(wanted);
  });

  test('holds no secret and no path of a machine; each of its variables is explained', () => {
    expect(committed).not.toMatch(/notsecurepassword|\/(home|root|tmp|work|Users)\//);
    const used = new Set([...committed.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name));
    expect([...used].sort()).toEqual(Object.keys(variables).sort());
    for (const [name, where] of Object.entries(variables)) expect(committed).toContain(`#   ${name}: ${where}\n`);
    expect(committed.replaceAll(/\$\{\w+:\?[^}]*\}/g, '').replaceAll('$$', '')).not.toContain('$');
  });

  test('binds nothing beyond loopback', () => {
    const { services } = parse(committed) as ComposeFile;
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(1);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });
});

const VALUES: Readonly<Record<string, string>> = {
  DEVKIT_DEVNET: 'dev',
  DEVKIT_USER: '1000:1000',
  DEVKIT_POSTGRES_PASSWORD: 'pw',
};
const value = (name: string): string => VALUES[name] ?? `${name.toLowerCase()}/x`;
const isPath = (name: string): boolean => ['DEVKIT_WORKSPACE', 'ECOSYSTEM_DIR', 'DEVKIT_CACHE_DIR'].includes(name);

test('the file of a market has the market and its database, in the order that they need', () => {
  const sample = samples.find(({ system }) => system === 'proof-market');
  const { services } = parse(sample?.yaml ?? '') as ComposeFile;
  expect(Object.keys(services)).toEqual(['postgres', 'market']);
  expect(services['market']?.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
});
