import { expect, test } from 'vitest';
import { type Lock, packageClosure } from '../../../cli/runtimes/docker/images/packages.ts';

const LOCK: Lock = {
  '': {},
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a', dependencies: { b: '1', c: '1' } },
  'node_modules/b': {
    version: '2.0.0',
    peerDependencies: { p: '1', q: '1' },
    peerDependenciesMeta: { q: { optional: true } },
  },
  'node_modules/a/node_modules/b': { version: '1.0.0', optionalDependencies: { x64: '1', arm: '1', other: '1' } },
  'node_modules/c': { version: '1.0.0', dependencies: { b: '2', a: '1' } },
  'node_modules/p': { version: '1.0.0' },
  'node_modules/q': { version: '1.0.0' },
  'node_modules/x64': { version: '1.0.0', os: ['linux'], cpu: ['x64'] },
  'node_modules/arm': { version: '1.0.0', os: ['linux'], cpu: ['arm64'] },
  'node_modules/z': { version: '1.0.0' },
};

const paths = (roots: string[], without: string[] = []): string[] =>
  packageClosure(LOCK, { roots, without, arch: 'x64' }).map(({ path, version }) => `${path} ${version}`);

test('takes dependencies where Node would find them, for this platform only, and no optional peers', () => {
  expect(paths(['a'])).toEqual([
    'node_modules/a 1.0.0',
    'node_modules/a/node_modules/b 1.0.0',
    'node_modules/b 2.0.0',
    'node_modules/c 1.0.0',
    'node_modules/p 1.0.0',
    'node_modules/x64 1.0.0',
  ]);
});

test('leaves out what is said to be unused', () => {
  expect(paths(['a'], ['b'])).toEqual(['node_modules/a 1.0.0', 'node_modules/c 1.0.0']);
});

test('a package that the lock file lacks is named', () => {
  expect(() => paths(['nope'])).toThrow('nope is not in package-lock.json');
});
