import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBb } from '../../../proving/bb.ts';
import { encodeG1, FIELD_R, G1_GENERATOR, multiplyG1, power } from '../../../proving/crs/curve.ts';
import { devTau } from '../../../proving/crs/dev.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import type { Crs } from '../../../proving/types.ts';
import { sampleProgram, tempDir } from './setup.ts';

const CHUNK = 16384;
let dir: Awaited<ReturnType<typeof tempDir>>;
let cacheDir: string;
let crs: Crs;
let g1: Buffer;

beforeAll(async () => {
  dir = await tempDir();
  cacheDir = join(dir.path, 'cache');
  crs = await ensureCrs({ crs: 'dev', points: CHUNK + 1, cacheDir, threads: 2 });
  g1 = await readFile(join(crs.dir, 'bn254_g1.dat'));
});
afterAll(() => dir[Symbol.asyncDispose]());

const ensureDev = (points: number) => ensureCrs({ crs: 'dev', points, cacheDir });
const currentG1 = () => readFile(join(crs.dir, 'bn254_g1.dat'));

describe('the dev reference string', () => {
  it('has the points tau^i·G, whichever thread made them', () => {
    for (const i of [0, 1, 2, 2047, 2048, 16383, 16384, 20001, 32767]) {
      const expected = encodeG1(multiplyG1(G1_GENERATOR, power(devTau(), BigInt(i), FIELD_R)));
      expect(Buffer.compare(g1.subarray(64 * i, 64 * i + 64), expected)).toBe(0);
    }
  });

  it('is the one under which the committed keys were made', () => {
    const hash = createHash('sha256')
      .update(g1.subarray(0, 64 * CHUNK))
      .digest('hex');
    expect(hash).toBe('e29e06c31113cfd0b9b0f53bfec52f7db1f0c8ddfb5e7f8fa016c00f91386d1f');
  });

  it('is rounded up to whole chunks and says how many points it has', () => {
    expect(crs).toMatchObject({ kind: 'dev', id: 'dev-1', points: 2 * CHUNK });
    expect(g1.length).toBe(2 * CHUNK * 64);
  });

  it('is used as it is when it is long enough', async () => {
    await ensureDev(CHUNK);
    expect((await currentG1()).length).toBe(g1.length);
  });

  it('grows and keeps what it had', async () => {
    const shorter = join(dir.path, 'growing');
    await ensureCrs({ crs: 'dev', points: 10, cacheDir: shorter });
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    const grown = await ensureCrs({ crs: 'dev', points: 2 * CHUNK, cacheDir: shorter, onProgress });
    expect(seen).toEqual([[2 * CHUNK, 2 * CHUNK]]);
    expect(Buffer.compare(await readFile(join(grown.dir, 'bn254_g1.dat')), g1)).toBe(0);
  });

  it('is repaired when a point was changed', async () => {
    const file = await open(join(crs.dir, 'bn254_g1.dat'), 'r+');
    await file.write(Buffer.from([0xff]), 0, 1, 64 * 20_000);
    await file.close();
    await ensureDev(2 * CHUNK);
    expect(Buffer.compare(await currentG1(), g1)).toBe(0);
  });

  it('is repaired when the file was cut', async () => {
    await truncate(join(crs.dir, 'bn254_g1.dat'), 64 * CHUNK + 5);
    await ensureDev(2 * CHUNK);
    expect(Buffer.compare(await currentG1(), g1)).toBe(0);
  });

  it('is repaired when its list of hashes or [tau]_2 is damaged', async () => {
    await writeFile(join(crs.dir, 'points.json'), '{"label":');
    await writeFile(join(crs.dir, 'bn254_g2.dat'), 'x');
    await ensureDev(CHUNK);
    expect(Buffer.compare(await readFile(join(crs.dir, 'bn254_g2.dat')), crs.g2)).toBe(0);
    expect(Buffer.compare((await currentG1()).subarray(0, 64 * CHUNK), g1.subarray(0, 64 * CHUNK))).toBe(0);
  });

  it('is made once when several processes ask for it at the same time', async () => {
    const shared = join(dir.path, 'shared');
    const script = `const { ensureCrs } = await import(${JSON.stringify(join(import.meta.dirname, '../../../proving/crs.ts'))});
      let made = 0;
      const crs = await ensureCrs({ crs: 'dev', points: 1, threads: 1, cacheDir: ${JSON.stringify(shared)}, onProgress: () => made++ });
      console.log(JSON.stringify({ made, points: crs.points }));`;
    const answers = await Promise.all([1, 2, 3].map(() => runNode(script)));
    expect(answers.map(({ made }) => made).sort()).toEqual([0, 0, 1]);
    expect(await readdir(join(shared, 'crs', 'dev-1'))).not.toContain('bn254_g1.dat.growing');
  });

  it('stops with the reason when it is aborted, and leaves no half-made file', async () => {
    const aborted = join(dir.path, 'aborted');
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error('stopped by the test'));
    const request = {
      crs: 'dev',
      points: 8 * CHUNK,
      threads: 1,
      cacheDir: aborted,
      onProgress,
      signal: controller.signal,
    };
    await expect(ensureCrs(request)).rejects.toThrow('stopped by the test');
    const left = await readdir(join(aborted, 'crs', 'dev-1'));
    expect(left.filter((name) => name.startsWith('bn254_g1'))).toEqual([]);
  });
});

describe('a folder as reference string', () => {
  it('is taken when it holds points, with an id that names its content', async () => {
    const folder = await copyOfDev('good');
    const own = await ensureCrs({ crs: folder, points: 100, cacheDir });
    expect(own).toMatchObject({ kind: 'folder', dir: folder, points: CHUNK });
    expect(own.id).toMatch(/^folder-[0-9a-f]{16}$/);
  });

  it('gives the same keys as the same points elsewhere, and is left as it was', async () => {
    const folder = await copyOfDev('keys');
    const own = await ensureCrs({ crs: folder, points: 128, cacheDir });
    const program = await sampleProgram();
    const [ours, devs] = await Promise.all(
      [own, await ensureDev(CHUNK)].map((used) =>
        createBb({ crs: used, cacheDir }).writeVk({ program, target: 'recursive' }),
      ),
    );
    expect(ours?.hash).toBe(devs?.hash);
    expect((await readdir(folder)).sort()).toEqual(['bn254_g1.dat', 'bn254_g2.dat']);
  });

  it.each([
    ['it is not there', async () => join(dir.path, 'nowhere'), /nowhere has no readable bn254_g2\.dat/],
    [
      '[tau]_2 has another size',
      () => brokenCopy('g2', (f) => truncate(join(f, 'bn254_g2.dat'), 5)),
      /has 5 bytes instead of 128/,
    ],
    [
      '[tau]_2 is all zeros, under which proofs could be forged',
      () => brokenCopy('g2-zero', (f) => writeFile(join(f, 'bn254_g2.dat'), Buffer.alloc(128))),
      /bn254_g2\.dat is not a point/,
    ],
    [
      '[tau]_2 is damaged',
      () => brokenCopy('g2-damaged', (f) => writeFile(join(f, 'bn254_g2.dat'), Buffer.from(crs.g2).fill(1, 100, 101))),
      /bn254_g2\.dat is not a point/,
    ],
    [
      'it is too short',
      () => brokenCopy('short', (f) => truncate(join(f, 'bn254_g1.dat'), 640)),
      /has 10 points, but 100 are needed/,
    ],
    [
      'it has no points',
      () => brokenCopy('noise', (f) => writeFile(join(f, 'bn254_g1.dat'), Buffer.alloc(6400, 7))),
      /not a list of BN254 points/,
    ],
  ])('is refused when %s', async (_, make, message) => {
    await expect(ensureCrs({ crs: await make(), points: 100, cacheDir })).rejects.toThrow(message);
  });
});

it('a reference string that is gone is named, before bb looks for another', async () => {
  const gone = createBb({ crs: { ...crs, dir: join(dir.path, 'gone') }, cacheDir });
  const making = gone.writeVk({ program: await sampleProgram(), target: 'recursive' });
  await expect(making).rejects.toThrow(/dev-1 is gone from .*gone/);
});

it('ignition is left to bb, in a folder of its own, with the canonical [tau]_2', async () => {
  const ignition = await ensureCrs({ crs: 'ignition', points: 1000, cacheDir });
  expect(ignition).toMatchObject({
    kind: 'ignition',
    id: 'ignition',
    dir: join(cacheDir, 'crs', 'ignition'),
    points: 0,
  });
  expect(createBb({ crs: ignition, cacheDir }).version).toBe('bb 5.0.0');
});

async function copyOfDev(name: string): Promise<string> {
  const folder = join(dir.path, name);
  await mkdir(folder);
  await writeFile(join(folder, 'bn254_g1.dat'), g1.subarray(0, 64 * CHUNK));
  await copyFile(join(crs.dir, 'bn254_g2.dat'), join(folder, 'bn254_g2.dat'));
  return folder;
}

async function brokenCopy(name: string, damage: (folder: string) => Promise<void>): Promise<string> {
  const folder = await copyOfDev(`broken-${name}`);
  await damage(folder);
  return folder;
}

async function runNode(script: string): Promise<{ made: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = await child.stdout.toArray();
  return JSON.parse(Buffer.concat(output).toString());
}
