/** A half file: `<file>.part`, and beside it in `<file>.part.json` what it is half of. */
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { readJson, writeFileAtomic } from '../atomic-file.ts';
import { createHasher, type Hasher, hashInto } from './hashes.ts';
import type { RemoteFile } from './listing.ts';

/** Identity of the remote file that a part belongs to. */
interface Sidecar {
  url: string;
  bytes?: number;
  crc32c?: string;
  md5?: string;
  generation?: string;
  /** A strong one, from the server's answer. */
  etag?: string;
}

export interface Part {
  path: string;
  file: FileHandle;
  /** Length so far; the hasher has seen exactly these. */
  bytes: number;
  hasher: Hasher;
  /** For `If-Range`: tells the server which file the part is of. */
  etag: string | undefined;
}

export const partPath = (path: string): string => `${path}.part`;
const sidecarPath = (path: string): string => `${path}.part.json`;

/** Opens the part of `path` to go on, hashing what is there; an unknown or other one is begun anew. */
export async function openPart(path: string, remote: RemoteFile, signal: AbortSignal): Promise<Part> {
  const known = await readSidecar(path);
  const goOn = known !== undefined && isOf(known, remote);
  const hasher = createHasher();
  // appending: after `beginAnew` the next byte has to be the first one
  const file = await open(partPath(path), 'a');
  try {
    if (!goOn) await file.truncate(0);
    const bytes = goOn ? await hashInto(hasher, partPath(path), signal) : 0;
    const etag = goOn && known.url === remote.url ? known.etag : undefined;
    const part: Part = { path, file, bytes, hasher, etag };
    if (goOn && remote.bytes !== undefined && bytes > remote.bytes) await beginAnew(part);
    return part;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Throws away what is there. */
export async function beginAnew(part: Part): Promise<void> {
  await part.file.truncate(0);
  part.bytes = 0;
  part.hasher = createHasher();
  part.etag = undefined;
}

/** Before the first byte: whoever finds the part can tell what it is. */
export async function notePart(part: Part, remote: RemoteFile): Promise<void> {
  const { url, bytes, crc32c, md5, generation } = remote;
  const note: Sidecar = {
    url,
    ...(bytes === undefined ? {} : { bytes }),
    ...(crc32c === undefined ? {} : { crc32c }),
    ...(md5 === undefined ? {} : { md5 }),
    ...(generation === undefined ? {} : { generation }),
    ...(part.etag === undefined ? {} : { etag: part.etag }),
  };
  await writeFileAtomic(sidecarPath(part.path), `${JSON.stringify(note, null, 2)}\n`);
}

export async function removePart(path: string): Promise<void> {
  await rm(partPath(path), { force: true });
  await rm(sidecarPath(path), { force: true });
}

export const removeSidecar = (path: string): Promise<void> => rm(sidecarPath(path), { force: true });

/** Bytes of the part that a download of `remote` would go on from. */
export async function resumableBytes(path: string, remote: RemoteFile): Promise<number> {
  const known = await readSidecar(path);
  if (known === undefined || !isOf(known, remote)) return 0;
  const bytes = await stat(partPath(path)).then(
    ({ size }) => size,
    () => 0, // the part itself is gone
  );
  return remote.bytes !== undefined && bytes > remote.bytes ? 0 : bytes;
}

/** A damaged note is as good as none. */
async function readSidecar(path: string): Promise<Sidecar | undefined> {
  try {
    return await readJson<Sidecar>(sidecarPath(path));
  } catch {
    return undefined;
  }
}

/** The same content wherever it comes from, or the same version of the same URL. */
function isOf(known: Sidecar, remote: RemoteFile): boolean {
  const hash = remote.crc32c ?? remote.md5;
  if (hash !== undefined) {
    return known.bytes === remote.bytes && known.crc32c === remote.crc32c && known.md5 === remote.md5;
  }
  if (known.url !== remote.url || known.bytes !== remote.bytes) return false;
  if (remote.generation !== undefined) return known.generation === remote.generation;
  return known.etag !== undefined; // the server decides (If-Range)
}
