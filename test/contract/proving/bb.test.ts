import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poll } from '../../../lib/deadline.ts';
import { assertCrsUntouched, crsFolder, runBb, sweepTempDirs } from '../../../proving/bb/run.ts';
import { BbError, CrsTooSmallError, createBb, ProofInvalidError } from '../../../proving/bb.ts';
import { FIELD_R, fromBytes, toBytes32 } from '../../../proving/crs/curve.ts';
import { solveWitness } from '../../../proving/noir.ts';
import type { Proof, ProofTarget, VerificationKey } from '../../../proving/types.ts';
import { openWorkbench, tempDir, type Workbench } from './setup.ts';

let dir: Awaited<ReturnType<typeof tempDir>>;
let bench: Workbench;
const keys = {} as Record<ProofTarget, VerificationKey>;
const proofs = {} as Record<ProofTarget, Proof>;

beforeAll(async () => {
  dir = await tempDir();
  bench = await openWorkbench(dir.path);
  for (const target of ['recursive', 'evm'] as const) {
    keys[target] = await bench.bb.writeVk({ program: bench.program, target });
    proofs[target] = await prove(target);
  }
});
afterAll(() => dir[Symbol.asyncDispose]());

const prove = (target: ProofTarget) =>
  bench.bb.prove({ program: bench.program, key: keys[target], witness: bench.witness, threads: 1 });

const flip = (proof: Proof, byte: number): Proof => {
  const bytes = Uint8Array.from(proof.bytes);
  bytes[byte]! ^= 1;
  return { ...proof, bytes };
};

describe.each(['recursive', 'evm'] as const)('a %s proof', (target) => {
  const verify = (proof: Proof, key = keys[target]) => bench.bb.verify({ proof, key });

  it('verifies under its key, with the public values of the circuit', async () => {
    expect(proofs[target].publicInputs[0]).toBe(5n);
    expect(proofs[target].publicInputs).toHaveLength(5);
    expect(await verify(proofs[target])).toBe(true);
  });

  it('is rejected with one bit of any part changed', async () => {
    const words = proofs[target].bytes.length / 32;
    const verdicts: boolean[] = [];
    for (let part = 0; part < 24; part++) {
      const word = Math.floor((part * words) / 24);
      verdicts.push(await verify(flip(proofs[target], 32 * word + (part % 2 === 0 ? 31 : 18))));
    }
    expect(verdicts).toEqual(Array(24).fill(false));
  });

  it('is rejected with another public input', async () => {
    const publicInputs = proofs[target].publicInputs.map((value, i) => (i === 2 ? value + 1n : value));
    expect(await verify({ ...proofs[target], publicInputs })).toBe(false);
  });

  it('is rejected with a public input that is congruent but not canonical', async () => {
    const publicInputs = proofs[target].publicInputs.map((value, i) => (i === 0 ? value + FIELD_R : value));
    expect(await verify({ ...proofs[target], publicInputs })).toBe(false);
  });

  it('is rejected with a public input missing or added', async () => {
    const { publicInputs } = proofs[target];
    expect(await verify({ ...proofs[target], publicInputs: publicInputs.slice(1) })).toBe(false);
    expect(await verify({ ...proofs[target], publicInputs: [...publicInputs, 0n] })).toBe(false);
  });

  it('is rejected when it is too short, too long or empty', async () => {
    const { bytes } = proofs[target];
    for (const other of [
      bytes.slice(0, -32),
      bytes.slice(0, -1),
      Buffer.concat([bytes, Buffer.alloc(32)]),
      bytes.slice(0, 0),
    ]) {
      expect(await verify({ ...proofs[target], bytes: other })).toBe(false);
    }
  });

  it('is rejected when all its words are 0, 1 or the greatest', async () => {
    for (const word of [0n, 1n, FIELD_R - 1n]) {
      const bytes = proofs[target].bytes.map((_, at) => Number((word >> BigInt(8 * (31 - (at % 32)))) & 0xffn));
      expect(await verify({ ...proofs[target], bytes }), `all words ${word}`).toBe(false);
    }
  });

  it('is rejected with a word that is congruent but not canonical', async () => {
    const word = (at: number) => fromBytes(proofs[target].bytes.subarray(at, at + 32));
    const zeros = Array.from({ length: proofs[target].bytes.length / 32 }, (_, i) => 32 * i).filter((at) => !word(at));
    expect(zeros.length).toBeGreaterThan(0);
    for (const at of [zeros[0]!, zeros.at(-1)!]) {
      const bytes = Uint8Array.from(proofs[target].bytes);
      bytes.set(toBytes32(FIELD_R), at);
      expect(await verify({ ...proofs[target], bytes })).toBe(false);
    }
  });

  it('is rejected under the key of another program', async () => {
    // the same shape of program with one other constant
    const other = { ...keys[target], bytes: Uint8Array.from(keys[target].bytes) };
    const [from, to] = [3 * 32, 3 * 32 + (target === 'recursive' ? 128 : 64)];
    other.bytes.set(keys[target].bytes.subarray(to, to + (to - from)), from);
    expect(await verify(proofs[target], other)).toBe(false);
  });
});

it('the two targets do not accept each other', async () => {
  expect(await bench.bb.verify({ proof: proofs.recursive, key: keys.evm })).toBe(false);
  expect(await bench.bb.verify({ proof: proofs.evm, key: keys.recursive })).toBe(false);
});

it('prove reports a witness that does not satisfy the circuit, though bb itself writes a proof', async () => {
  const witness = await tamperedWitness();
  const job = { program: bench.program, key: keys.recursive, witness, threads: 1 };
  await expect(bench.bb.prove(job)).rejects.toThrow(ProofInvalidError);
});

it('an aborted prove rejects with the reason and leaves no folder behind', async () => {
  const before = await leftovers();
  const signal = AbortSignal.abort(new Error('no longer wanted'));
  const job = { program: bench.program, key: keys.recursive, witness: bench.witness, threads: 1, signal };
  await expect(bench.bb.prove(job)).rejects.toThrow('no longer wanted');
  expect((await leftovers()).filter((name) => !before.includes(name))).toEqual([]);
});

it.each(['bn254_g1.dat', 'bn254_g1_compressed.dat'])(
  'points that bb downloads as %s are not taken for those asked for',
  async (name) => {
    const used = join(dir.path, `used-${name}`);
    await mkdir(used);
    await crsFolder(bench.crs, used);
    await assertCrsUntouched(bench.crs, used);
    await rm(join(used, name), { force: true });
    await writeFile(join(used, name), 'downloaded');
    await expect(assertCrsUntouched(bench.crs, used)).rejects.toThrow(CrsTooSmallError);
  },
);

it('folders that a killed process left are removed, those of a living one are not', async () => {
  const old = new Date(Date.now() - 24 * 3_600_000);
  const [dead, alive] = [join(tmpdir(), 'devkit-bb-2147483646-test'), join(tmpdir(), `devkit-bb-${process.pid}-test`)];
  for (const path of [dead, alive]) {
    await mkdir(path);
    await utimes(path, old, old);
  }
  await sweepTempDirs();
  const left = await leftovers();
  await rm(alive, { recursive: true });
  expect(left).toContain(basename(alive));
  expect(left).not.toContain(basename(dead));
});

it('a bb that runs is killed by the abort', async () => {
  const fake = join(dir.path, 'sleeping-bb');
  const pidFile = join(dir.path, 'sleeping.pid');
  await writeFile(fake, `#!/bin/sh\necho $$ > ${pidFile}.tmp && mv ${pidFile}.tmp ${pidFile}\nexec sleep 600\n`, {
    mode: 0o755,
  });
  const controller = new AbortController();
  const { signal } = controller;
  const run = runBb({ binary: fake, args: ['prove'], threads: 1, cwd: dir.path, signal });
  const failure = expect(run).rejects.toThrow('no longer wanted');
  const pid = Number(await poll(() => readFile(pidFile, 'utf8').catch(() => undefined), { intervalMs: 5, signal }));
  controller.abort(new Error('no longer wanted'));
  await failure;
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it('a bb that is killed is an error, not a verdict', async () => {
  const fake = join(dir.path, 'killed-bb');
  await writeFile(fake, '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 });
  const run = runBb({ binary: fake, args: ['verify'], threads: 1, cwd: dir.path, signal: undefined });
  await expect(run).rejects.toThrow(/bb verify failed: killed by SIGKILL/);
});

it('a bb that is missing is an error, not a verdict', async () => {
  const run = runBb({
    binary: join(dir.path, 'nowhere'),
    args: ['verify'],
    threads: 1,
    cwd: dir.path,
    signal: undefined,
  });
  await expect(run).rejects.toThrow(BbError);
});

it('an input file that bb cannot read is an error, not a verdict', async () => {
  const bytes = keys.recursive.bytes.slice(0, 100);
  await expect(bench.bb.verify({ proof: proofs.recursive, key: { ...keys.recursive, bytes } })).rejects.toThrow(
    'a recursive verification key has 3680 bytes, not 100',
  );
});

it('a reference string with too few points is named, before bb looks for another', async () => {
  const bb = createBb({ crs: { ...bench.crs, points: 10 }, cacheDir: bench.cacheDir });
  const job = { program: bench.program, key: keys.recursive, witness: bench.witness, threads: 1 };
  await expect(bb.prove(job)).rejects.toThrow(CrsTooSmallError);
});

it('a damaged copy of bb is replaced before it is used', async () => {
  const cacheDir = join(dir.path, 'damaged');
  await mkdir(cacheDir);
  const job = { proof: proofs.recursive, key: keys.recursive };
  await createBb({ crs: bench.crs, cacheDir }).verify(job);
  const [copy] = (await readdir(join(cacheDir, 'bb'))).filter((name) => !name.endsWith('.lock'));
  const path = join(cacheDir, 'bb', copy!);
  const intact = await readFile(path);
  await writeFile(path, '#!/bin/sh\necho Proof verified successfully\n');
  expect(await createBb({ crs: bench.crs, cacheDir }).verify({ ...job, proof: flip(proofs.recursive, 31) })).toBe(
    false,
  );
  expect(Buffer.compare(await readFile(path), intact)).toBe(0);
});

it('the verifier contract has the [tau]_2 of the reference string, not the one of Ignition', async () => {
  const source = await bench.bb.solidityVerifier({ key: keys.evm, optimized: true });
  for (let at = 0; at < 128; at += 32) {
    expect(source).toContain(`0x${Buffer.from(bench.crs.g2.subarray(at, at + 32)).toString('hex')}`);
  }
  expect(source).not.toMatch(/260e01b251f6f1c7e7ff4e580791dee8ea51d87a358e038b4efe30fac09383c1/i);
});

it('gate counts are those of the finished circuit', async () => {
  const gates = await bench.bb.gateCount({ program: bench.program, target: 'recursive' });
  expect(gates).toBeGreaterThan(64);
  expect(gates).toBeLessThanOrEqual(128);
});

it('the version names the changed constant', () => {
  expect(bench.bb.version).toBe('bb 5.0.0, dev G2');
});

/** The solved witness of the sample with its first value changed, so that the outputs no longer fit. */
async function tamperedWitness(): Promise<Uint8Array> {
  const { acvm } = await import('@noir-lang/noir_js');
  const stack = acvm.decompressWitnessStack(
    await solveWitness(bench.program, { state: ['1', '2', '3', '4'], label: '5' }),
  );
  stack[0]!.witness.set(0, `0x${'9'.padStart(64, '0')}`);
  return acvm.compressWitnessStack(stack);
}

const leftovers = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('devkit-bb-'));
