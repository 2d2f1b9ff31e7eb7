/** What the verifier binds: every byte of the proof, the statement's key, the input, the program and its true key. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFileAtomic } from '../../../../lib/atomic-file.ts';
import { cacheDir } from '../../../../lib/cache-dir.ts';
import { createBb } from '../../../../proving/bb.ts';
import { ensureCrs } from '../../../../proving/crs.ts';
import { compileProgram } from '../../../../proving/noir.ts';
import { type Definition, encodeDefinition } from '../../../../systems/proof-market/protocol/proving/definition.ts';
import { decodeProofText, encodeProofText } from '../../../../systems/proof-market/protocol/proving/proof-file.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import { createVerifier, type StatementVerifier } from '../../../../systems/proof-market/protocol/proving/verify.ts';
import { openWorkspace, type Workspace } from './setup.ts';

const KEY = '32326';
let space: Workspace;
let definition: Definition;
let proof: string;
let verifier: StatementVerifier;
beforeAll(async () => {
  space = await openWorkspace();
  ({ definition } = space.statement);
  proof = await proveStatement({ statementKey: KEY, definition, publicInput: '1\n11', threads: 2 });
  verifier = createVerifier();
});
afterAll(() => space[Symbol.asyncDispose]());

const check = (change: { key?: string; definition?: unknown; input?: unknown; proof?: string }) =>
  verifier.verify({
    statement: { key: change.key ?? KEY, name: 'x', type: 'y', definition: change.definition ?? definition },
    input: 'input' in change ? change.input : { input: '1\n11' },
    proof: change.proof ?? proof,
    signal: AbortSignal.timeout(60_000),
  });

test.each([{ input: '1\n11' }, { input: [{ field: 1 }, { field: '11' }] }, { input: { input: '1\n11' } }])(
  'accepted for the same numbers in any form: %j',
  async (change) => {
    expect(await check(change)).toEqual({ verdict: 'accepted', outputs: { sum: '12', product: '11' } });
  },
);

describe('rejected', () => {
  test.each([
    ['another statement', { key: '32327' }, 'it is a proof of statement 32326, not 32327'],
    ['another input', { input: '1\n12' }, 'it is the proof of another public input'],
    ['the numbers swapped', { input: '11\n1' }, 'it is the proof of another public input'],
    ['too few numbers', { input: '1' }, 'public input: 1 numbers, the circuit takes 2 (a, b)'],
    ['text that is no proof', { proof: 'hello' }, 'not a proof: expected hexadecimal with 0x'],
    ['an empty proof', { proof: '' }, 'not a proof: expected hexadecimal with 0x'],
  ])('%s', async (_, change, reason) => {
    expect(await check(change)).toEqual({ verdict: 'rejected', reason });
  });

  test.each<[string, (file: ReturnType<typeof decodeProofText>) => object, RegExp]>([
    ['no statement', () => ({ statement: null }), /statement \(unpublished\), not 32326/],
    ['circuit', () => ({ circuit: 'other' }), /circuit other, not arithmetic_example/],
    ['program', () => ({ program: '00'.repeat(32) }), /another program/],
    ['key hash', ({ keyHash }) => ({ keyHash: keyHash + 1n }), /another verification key/],
    ['reference string', () => ({ crs: 'ignition' }), /reference string ignition, not dev-1/],
    ['one public input less', ({ publicInputs }) => ({ publicInputs: publicInputs.slice(0, -1) }), /15 public inputs/],
    ['a limb of the sum', ({ publicInputs }) => ({ publicInputs: publicInputs.with(8, 13n) }), /does not verify/],
    ['a limb of the product', ({ publicInputs }) => ({ publicInputs: publicInputs.with(15, 1n) }), /does not verify/],
    ['the proof cut', ({ proof: bytes }) => ({ proof: bytes.slice(0, -32) }), /proof bytes instead of/],
  ])('%s changed', async (_, change, reason) => {
    const file = decodeProofText(proof);
    const verdict = await check({ proof: encodeProofText({ ...file, ...change(file) }) });
    expect(verdict).toMatchObject({ verdict: 'rejected', reason: expect.stringMatching(reason) });
  });

  test('a byte of the proof changed, wherever it is', async () => {
    const bytes = Buffer.from(proof.slice(2), 'hex');
    for (let at = 3; at < bytes.length; at += 1371) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(await check({ proof: `0x${changed.toString('hex')}` }), `byte ${at}`).toMatchObject({
        verdict: 'rejected',
      });
    }
  });
});

describe('cannot be told, so nobody is punished', () => {
  test.each<[string, (copy: Definition) => unknown, RegExp]>([
    [
      'LLVM IR',
      () => ({ proving_key: '; ModuleID', verification_key: '; ModuleID' }),
      /only the generator of the zkLLVM/,
    ],
    ['another reference string', (d) => Object.assign(d.verification_key, { crs: 'folder-1' }) && d, /not at hand/],
    [
      'a future reference string',
      (d) => Object.assign(d.verification_key, { crs: 'dev-9' }) && d,
      /this version has dev-1/,
    ],
    [
      'a key that is not of the program',
      (d) => Object.assign(d.verification_key, { bytes: d.verification_key.bytes.replace(/.{8}$/, '01010101') }) && d,
      /not the key of the program/,
    ],
    ['a key that cannot be one', (d) => Object.assign(d.verification_key, { bytes: '0x00' }) && d, /3680 bytes, not 1/],
  ])('%s', async (_, change, reason) => {
    const copy = structuredClone(definition);
    const changed = change(copy);
    expect(await check({ definition: changed })).toMatchObject({
      verdict: 'unsupported',
      reason: expect.stringMatching(reason),
    });
    expect(await verifier.definitionDefect(changed)).toMatch(reason);
  });

  test('the example has no defect', async () => {
    expect(await verifier.definitionDefect(definition)).toBeUndefined();
  });
});

test('the defect of an input is known before a bid is stored', () => {
  const statement = { definition };
  expect(verifier.inputDefect(statement, '1\n11')).toBeUndefined();
  expect(verifier.inputDefect(statement, [{ field: 2n ** 300n }])).toMatch(/256 bits/);
  expect(verifier.inputDefect(statement, `1\n${2n ** 255n}`)).toBe(
    "public input: b is not below the modulus of Pallas' base field",
  );
  // nothing is known against the input of a statement of another kind
  expect(verifier.inputDefect({ definition: { proving_key: '; ModuleID' } }, null)).toBeUndefined();
});

describe("a statement of a developer's own", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'devkit-own-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test('is proven and verified, its key made here', async () => {
    await writeFileAtomic(join(dir, 'Nargo.toml'), '[package]\nname = "square"\ntype = "bin"\n');
    await writeFileAtomic(join(dir, 'src/main.nr'), 'fn main(x: pub Field) -> pub Field { x * x }\n');
    const program = await compileProgram(dir);
    const crs = await ensureCrs({ crs: 'dev', points: 2 ** 13, cacheDir: cacheDir() });
    const key = await createBb({ crs, cacheDir: cacheDir() }).writeVk({ program, target: 'recursive' });
    const own = encodeDefinition({
      circuit: 'square',
      inputs: [{ name: 'x', type: 'bn254' }],
      outputs: [{ name: 'square', type: 'bn254' }],
      program,
      key,
      crs: crs.id,
    });
    const job = { statementKey: '7', definition: own, publicInput: [{ field: 12 }] };
    const text = await proveStatement({ ...job, threads: 1 });
    expect(await verifier.check({ ...job, proof: text })).toEqual({ verdict: 'accepted', outputs: { square: '144' } });
    // the other statement's key under this program
    const mixed = { ...own, verification_key: definition.verification_key };
    expect(await verifier.definitionDefect(mixed)).toMatch(/not the key of the program/);
  });
});
