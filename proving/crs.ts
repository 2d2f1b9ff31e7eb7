/** The structured reference string for bb: found, generated (`dev`) or checked, as a folder that `bb -c` reads. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { readJson, writeFileAtomic } from '../lib/atomic-file.ts';
import { Refusal } from '../lib/component/refusal.ts';
import { withFileLock } from '../lib/file-lock.ts';
import { CANONICAL_G2 } from './bb/binary.ts';
import { FIELD_Q, fromBytes, isOnCurve, isOnTwist } from './crs/curve.ts';
import { DEV_CRS_ID, DEV_TAU_LABEL, devG2, devTau } from './crs/dev.ts';
import { CHUNK_POINTS, generateChunks } from './crs/generate.ts';
import type { Crs } from './types.ts';

/** A folder named as reference string does not hold one that can be used. */
export class CrsError extends Refusal {
  constructor(message: string) {
    super(message);
    this.name = 'CrsError';
  }
}

export interface CrsRequest {
  /** `dev`, `ignition`, or the path of a folder with `bn254_g1.dat` and `bn254_g2.dat`. */
  crs: 'dev' | 'ignition' | (string & {});
  /** G1 points wanted: about the gate count to prove, the next power of two (+1) to make keys. */
  points: number;
  cacheDir: string;
  /** Worker threads for generation; default: all cores. */
  threads?: number;
  signal?: AbortSignal;
  /** Points present so far, while generating. */
  onProgress?: (done: number, total: number) => void;
}

/** bb reads uncompressed points: 32 bytes x, 32 bytes y, big-endian. */
const POINT_BYTES = 64;
const G1_FILE = 'bn254_g1.dat';
const G2_FILE = 'bn254_g2.dat';

/**
 * Makes sure that a reference string with at least `points` points is on disk.
 * `dev` is generated when missing, too short or damaged, and cached in `cacheDir/crs/dev-1`; any number of processes may ask at once.
 * `ignition` is downloaded by bb itself when it first needs it. A folder is checked, never changed.
 * @throws CrsError for a folder that cannot be used.
 */
export async function ensureCrs(request: CrsRequest): Promise<Crs> {
  if (!Number.isSafeInteger(request.points) || request.points < 1) throw new RangeError('points must be 1 or more');
  if (request.crs === 'dev') return ensureDev(request);
  if (request.crs === 'ignition') return ensureIgnition(request);
  return checkFolder(request.crs, request.points);
}

/** What is known of `bn254_g1.dat`: the hash of each chunk of a prefix of it. The file may be longer, never shorter. */
interface Manifest {
  label: string;
  chunkPoints: number;
  sha256: string[];
}

async function ensureDev(request: CrsRequest): Promise<Crs> {
  const dir = join(request.cacheDir, 'crs', DEV_CRS_ID);
  const chunks = Math.ceil(request.points / CHUNK_POINTS);
  const crs: Crs = { kind: 'dev', id: DEV_CRS_ID, dir, points: chunks * CHUNK_POINTS, g2: devG2() };
  if ((await intactChunks(dir, chunks, crs.g2)) >= chunks) return crs;
  await withFileLock(
    join(dir, 'devkit.lock'),
    async () => {
      const have = await intactChunks(dir, chunks, crs.g2);
      if (have < chunks) await growDev(dir, have, chunks, request);
      await writeFileAtomic(join(dir, G2_FILE), crs.g2);
    },
    request.signal,
  );
  return crs;
}

/** How many of the first `wanted` chunks are there and unchanged; 0 when [tau]_2 is not as it should be. */
async function intactChunks(dir: string, wanted: number, g2: Uint8Array): Promise<number> {
  const manifest = await readJson<Manifest>(join(dir, 'points.json')).catch(() => undefined);
  if (manifest?.label !== DEV_TAU_LABEL || manifest.chunkPoints !== CHUNK_POINTS) return 0;
  const g2File = await readFile(join(dir, G2_FILE)).catch(() => undefined);
  if (g2File === undefined || Buffer.compare(g2File, g2) !== 0) return 0;
  const file = await open(join(dir, G1_FILE)).catch(() => undefined);
  if (file === undefined) return 0;
  try {
    const buffer = Buffer.alloc(CHUNK_POINTS * POINT_BYTES);
    for (let chunk = 0; chunk < wanted; chunk++) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, chunk * buffer.length);
      const hash = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex');
      if (bytesRead < buffer.length || hash !== manifest.sha256[chunk]) return chunk;
    }
    return wanted;
  } finally {
    await file.close();
  }
}

/** Writes a longer file beside the old one and puts it in its place; who reads the old one keeps it. */
async function growDev(dir: string, have: number, chunks: number, request: CrsRequest): Promise<void> {
  const path = join(dir, G1_FILE);
  const temp = `${path}.growing`;
  const manifest = await readJson<Manifest>(join(dir, 'points.json')).catch(() => undefined);
  const kept = manifest?.sha256.slice(0, have) ?? [];
  await rm(temp, { force: true });
  if (have > 0) await copyFile(path, temp, constants.COPYFILE_FICLONE);
  else await (await open(temp, 'w')).close();
  try {
    await truncate(temp, have * CHUNK_POINTS * POINT_BYTES);
    const made = await generateChunks({
      path: temp,
      tau: devTau(),
      from: have,
      to: chunks,
      threads: request.threads ?? availableParallelism(),
      signal: request.signal,
      onChunk: (done) => request.onProgress?.((have + done) * CHUNK_POINTS, chunks * CHUNK_POINTS),
    });
    await rename(temp, path);
    const next: Manifest = { label: DEV_TAU_LABEL, chunkPoints: CHUNK_POINTS, sha256: [...kept, ...made] };
    await writeFileAtomic(join(dir, 'points.json'), JSON.stringify(next));
  } finally {
    await rm(temp, { force: true });
  }
}

async function ensureIgnition(request: CrsRequest): Promise<Crs> {
  const dir = join(request.cacheDir, 'crs', 'ignition');
  await mkdir(dir, { recursive: true });
  const size = (await stat(join(dir, G1_FILE)).catch(() => undefined))?.size ?? 0;
  return { kind: 'ignition', id: 'ignition', dir, points: Math.floor(size / POINT_BYTES), g2: CANONICAL_G2 };
}

async function checkFolder(folder: string, points: number): Promise<Crs> {
  const dir = resolve(folder);
  const g2 = await readFile(join(dir, G2_FILE)).catch(() => undefined);
  if (g2 === undefined) throw new CrsError(`the reference string folder ${dir} has no readable ${G2_FILE}`);
  if (g2.length !== 128) throw new CrsError(`${join(dir, G2_FILE)} has ${g2.length} bytes instead of 128`);
  assertTau2(join(dir, G2_FILE), g2);
  const size = (await stat(join(dir, G1_FILE)).catch(() => undefined))?.size;
  if (size === undefined)
    throw new CrsError(`the reference string folder ${dir} has no ${G1_FILE} (uncompressed points)`);
  if (size < points * POINT_BYTES) {
    throw new CrsError(`${join(dir, G1_FILE)} has ${Math.floor(size / POINT_BYTES)} points, but ${points} are needed`);
  }
  const head = await readHead(join(dir, G1_FILE), 64 * POINT_BYTES);
  assertPoints(join(dir, G1_FILE), head);
  const id = `folder-${createHash('sha256').update(g2).update(head).digest('hex').slice(0, 16)}`;
  return { kind: 'folder', id, dir, points: Math.floor(size / POINT_BYTES), g2: new Uint8Array(g2) };
}

/** Zeros stand for the point at infinity, under which anybody can make a proof that verifies. */
function assertTau2(path: string, g2: Uint8Array): void {
  const word = (at: number) => fromBytes(g2.subarray(32 * at, 32 * at + 32));
  const [a, b, c, d] = [word(0), word(1), word(2), word(3)];
  const canonical = [a, b, c, d].every((value) => value < FIELD_Q);
  if (
    !canonical ||
    !isOnTwist([
      [a, b],
      [c, d],
    ])
  )
    throw new CrsError(`${path} is not a point of BN254's second group`);
}

function assertPoints(path: string, head: Uint8Array): void {
  for (let at = 0; at < head.length; at += POINT_BYTES) {
    const x = fromBytes(head.subarray(at, at + 32));
    const y = fromBytes(head.subarray(at + 32, at + 64));
    const good = x < FIELD_Q && y < FIELD_Q && isOnCurve([x, y]) && (at > 0 || (x === 1n && y === 2n));
    if (!good)
      throw new CrsError(`${path} is not a list of BN254 points that starts with the generator (point ${at / 64})`);
  }
}

async function readHead(path: string, bytes: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, 0);
    return new Uint8Array(buffer.subarray(0, bytesRead - (bytesRead % POINT_BYTES)));
  } finally {
    await file.close();
  }
}
