/** Verification keys, made once a machine: a file per (program, bb, target, reference string), checked when read. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { withFileLock } from '../lib/file-lock.ts';
import { keyShape } from './bb/shape.ts';
import type { Bb } from './bb.ts';
import { toHex32 } from './field.ts';
import type { Crs, Program, ProofTarget, VerificationKey } from './types.ts';

export interface CachedKeyRequest {
  /** For people only: part of the file's name, not of the identity. */
  circuit: string;
  program: Program;
  target: ProofTarget;
  bb: Bb;
  crs: Crs;
  cacheDir: string;
  signal?: AbortSignal;
}

/**
 * The key of a program, from the cache or made by bb. A missing, damaged or foreign file is made again; processes that ask for the
 * same key at once wait for the one that makes it. Making it needs a reference string of the next power of two above the gates.
 */
export async function cachedKey(request: CachedKeyRequest): Promise<VerificationKey> {
  const id = keyId(request);
  const path = join(
    request.cacheDir,
    'keys',
    `${request.circuit.replace(/[^a-z0-9_-]/gi, '_')}-${id.slice(0, 32)}.json`,
  );
  const found = await readKey(path, id);
  if (found !== undefined) return found;
  return withFileLock(
    `${path}.lock`,
    async () => {
      const other = await readKey(path, id);
      if (other !== undefined) return other;
      const { program, target, signal } = request;
      const key = await request.bb.writeVk({ program, target, ...(signal === undefined ? {} : { signal }) });
      await writeFileAtomic(path, encodeKey(key, id));
      return key;
    },
    request.signal,
  );
}

/** Everything that the bytes of a key depend on, hashed. */
export function keyId(request: Pick<CachedKeyRequest, 'program' | 'target' | 'bb' | 'crs'>): string {
  const { program, target, bb, crs } = request;
  return sha256(JSON.stringify(['devkit key 1', program.noir_version, program.bytecode, bb.version, target, crs.id]));
}

interface KeyFile {
  id: string;
  target: ProofTarget;
  hash: string;
  key: string;
  sha256: string;
}

function encodeKey(key: VerificationKey, id: string): string {
  const body = { id, target: key.target, hash: toHex32(key.hash), key: Buffer.from(key.bytes).toString('base64') };
  return `${JSON.stringify({ ...body, sha256: sha256(JSON.stringify(body)) })}\n`;
}

/** Undefined for a missing file and for one that is not exactly what was written for `id`. */
async function readKey(path: string, id: string): Promise<VerificationKey | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { sha256: written, ...body } = JSON.parse(text) as KeyFile;
    if (body.id !== id || written !== sha256(JSON.stringify(body))) return undefined;
    const key = {
      target: body.target,
      bytes: new Uint8Array(Buffer.from(body.key, 'base64')),
      hash: BigInt(body.hash),
    };
    keyShape(key);
    return key;
  } catch {
    return undefined; // damaged: the caller makes it again
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
