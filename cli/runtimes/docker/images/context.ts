/** The build context as a tar stream. Order, times and owners are fixed: equal contents give equal bytes. */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Header, type Pack, pack } from 'tar-stream';
import type { ContextEntry } from './files.ts';

/** Of every entry; Docker's build cache looks at contents only. */
const MTIME = new Date('2020-01-01T00:00:00Z');
const OWNER = { uid: 0, gid: 0, uname: '', gname: '', mtime: MTIME } as const;
/** Larger files are not held in memory. */
const STREAM_FROM_BYTES = 1024 * 1024;

type Head = Pick<Header, 'name' | 'type' | 'mode'> & Partial<Header>;

/** The entries as a tar, in their order. A file that cannot be read, or an abort, breaks the stream. */
export function packEntries(entries: Iterable<ContextEntry>, signal?: AbortSignal): Readable {
  const tar = pack();
  const stream = Readable.from(tar);
  // streams that break each other must not be left with an error nobody listens to
  tar.on('error', (error) => stream.destroy(error));
  stream.on('close', () => tar.destroy());
  putEntries(tar, entries, signal)
    .then(() => tar.finalize())
    .catch((error) => tar.destroy(error as Error));
  return stream;
}

/** Adds the entries to a tar that goes on after them. */
export async function putEntries(tar: Pack, entries: Iterable<ContextEntry>, signal?: AbortSignal): Promise<void> {
  for (const entry of entries) {
    signal?.throwIfAborted();
    await add(tar, entry);
  }
}

async function add(tar: Pack, entry: ContextEntry): Promise<void> {
  switch (entry.kind) {
    case 'folder':
      return put(tar, { name: `${entry.path}/`, type: 'directory', mode: entry.mode });
    case 'link':
      return put(tar, { name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777 });
    case 'text':
      return put(tar, { name: entry.path, type: 'file', mode: entry.mode }, Buffer.from(entry.content));
    case 'file':
      return putFile(tar, entry);
  }
}

async function putFile(tar: Pack, { path, mode, source }: Extract<ContextEntry, { kind: 'file' }>): Promise<void> {
  const { size } = await stat(source);
  const head: Head = { name: path, type: 'file', mode };
  if (size < STREAM_FROM_BYTES) return put(tar, head, await readFile(source));
  await pipeline(createReadStream(source), tar.entry({ ...OWNER, ...head, size }));
}

function put(tar: Pack, head: Head, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    const headers = { ...OWNER, ...head };
    if (content === undefined) tar.entry(headers, done);
    else tar.entry(headers, content, done);
  });
}
