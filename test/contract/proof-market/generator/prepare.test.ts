/** Noir packages as statements. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareDefinition } from '../../../../systems/proof-market/protocol/proving/prepare.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import { createVerifier } from '../../../../systems/proof-market/protocol/proving/verify.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-prepare-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Folder of a package with this source. */
async function packageOf(name: string, source: string): Promise<string> {
  const folder = join(dir, name);
  await mkdir(join(folder, 'src'), { recursive: true });
  await writeFile(join(folder, 'Nargo.toml'), `[package]\nname = "${name}"\ntype = "bin"\n`);
  await writeFile(join(folder, 'src', 'main.nr'), `${source}\n`);
  return folder;
}

test('a package becomes a statement whose proofs are accepted, and say what it returns', async () => {
  const folder = await packageOf(
    'cubes',
    'fn main(x: pub Field, y: pub Field) -> pub [Field; 2] { [x * x * x, y * y * y] }',
  );
  const definition = await prepareDefinition(folder, { outputs: ['first', 'second'] });
  expect(definition.proving_key).toMatchObject({
    circuit: 'cubes',
    inputs: [
      { name: 'x', type: 'bn254' },
      { name: 'y', type: 'bn254' },
    ],
    outputs: [
      { name: 'first', type: 'bn254' },
      { name: 'second', type: 'bn254' },
    ],
  });
  const job = { statementKey: null, definition, publicInput: '3\n4' };
  const proof = await proveStatement({ ...job, threads: 2 });
  expect(await createVerifier().check({ ...job, proof })).toEqual({
    verdict: 'accepted',
    outputs: { first: '27', second: '64' },
  });
});

test.each([
  ['a private parameter', 'fn main(x: Field) -> pub Field { x }', undefined, 'the parameter x is not public'],
  ['a parameter of another type', 'fn main(x: pub bool) -> pub bool { x }', undefined, 'the parameter x is not public'],
  [
    'a result of another type',
    'fn main(x: pub Field) -> pub bool { x == 1 }',
    undefined,
    'something else than public numbers',
  ],
  ['too many names', 'fn main(x: pub Field) -> pub Field { x }', ['a', 'b'], 'returns 1 numbers, but 2 names'],
  ['a program that does not compile', 'fn main(x: pub Field) -> pub Field { y }', undefined, 'src/main.nr:1'],
])('%s is refused, and said', async (what, source, outputs, message) => {
  const folder = await packageOf(what.replaceAll(' ', '_'), source);
  await expect(prepareDefinition(folder, { outputs })).rejects.toThrow(message);
});

test('a circuit that is too large is refused before its key is made', async () => {
  const source =
    'fn main(x: pub Field) -> pub Field { let mut y = x; for _ in 0..70000 { y = y * y + x; y = y * x + y; } y }';
  await expect(prepareDefinition(await packageOf('large', source))).rejects.toThrow(
    /\d+ gates are too many: at most 2\^17/,
  );
});
