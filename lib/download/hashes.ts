import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Crc32c } from '@aws-crypto/crc32c';

/** Both as object stores print them: base64, of crc32c the four bytes big-endian. */
export interface Hashes {
  crc32c: string;
  md5: string;
}

/** Hash of what was read or written so far. */
export interface Hasher {
  update(chunk: Uint8Array): void;
  /** Ends it. */
  digest(): Hashes;
}

export function createHasher(): Hasher {
  const crc = new Crc32c();
  const md5 = createHash('md5');
  return {
    update(chunk) {
      crc.update(chunk);
      md5.update(chunk);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc.digest() >>> 0);
      return { crc32c: bytes.toString('base64'), md5: md5.digest('base64') };
    },
  };
}

/** Feeds the first `bytes` of a file (all of it when absent) to `hasher`; returns how many there were. */
export async function hashInto(hasher: Hasher, path: string, signal: AbortSignal, bytes?: number): Promise<number> {
  if (bytes === 0) return 0;
  let read = 0;
  const stream = createReadStream(path, { signal, ...(bytes === undefined ? {} : { end: bytes - 1 }) });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hasher.update(chunk);
    read += chunk.length;
  }
  return read;
}

export async function hashFile(path: string, signal: AbortSignal): Promise<Hashes & { bytes: number }> {
  const hasher = createHasher();
  const bytes = await hashInto(hasher, path, signal);
  return { ...hasher.digest(), bytes };
}
