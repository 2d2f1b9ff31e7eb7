/** Object stores: named byte strings in folders. The reference variant has the file-backed one. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../../../../lib/atomic-file.ts';
import { ConfigError } from '../../../../lib/component/refusal.ts';
import type { ObjectStoreConfig } from '../config.ts';
import { ALL_BUCKETS, type Bucket } from './buckets.ts';
import type { ObjectKey } from './keys.ts';

export interface ObjectStore {
  /** Folder of the store, for people. */
  readonly location: string;
  /** Undefined when there is no such object. */
  get(bucket: Bucket, key: string): Promise<Uint8Array | undefined>;
  /** A reader never sees a part of it. */
  put(bucket: Bucket, key: string, value: Uint8Array): Promise<void>;
  /** Keys in a bucket, sorted. */
  list(bucket: Bucket): Promise<string[]>;
}

/** A needed object is not in the store. */
export class ObjectNotFoundError extends Error {
  constructor(store: ObjectStore, { bucket, key }: ObjectKey) {
    super(`key not found: ${bucket}/${key} in ${store.location}`);
    this.name = 'ObjectNotFoundError';
  }
}

/** Opens the store and creates all its folders. @throws ConfigError for a mode other than FileBacked. */
export async function openObjectStore(config: ObjectStoreConfig, { cwd }: { cwd: string }): Promise<ObjectStore> {
  if (config.mode !== 'FileBacked') {
    throw new ConfigError(`object store mode ${config.mode} is not supported here: set mode: FileBacked`);
  }
  const base = resolve(cwd, config.fileBackedBasePath ?? 'artifacts');
  await Promise.all(ALL_BUCKETS.map((bucket) => mkdir(join(base, bucket), { recursive: true })));
  return fileStore(base);
}

function fileStore(base: string): ObjectStore {
  return {
    location: base,
    get: async (bucket, key) => {
      try {
        return await readFile(pathOf(base, bucket, key));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    put: (bucket, key, value) => writeFileAtomic(pathOf(base, bucket, key), value),
    list: async (bucket) => (await readdir(join(base, bucket))).filter((name) => !name.endsWith('.tmp')).sort(),
  };
}

function pathOf(base: string, bucket: Bucket, key: string): string {
  if (!/^[\w.-]+$/.test(key) || key.startsWith('.')) throw new RangeError(`not an object key: ${key}`);
  return join(base, bucket, key);
}

/** Reads an object, under its older name if need be. */
export async function findObject(store: ObjectStore, key: ObjectKey): Promise<Uint8Array | undefined> {
  const found = await store.get(key.bucket, key.key);
  if (found !== undefined || key.fallback === undefined) return found;
  return store.get(key.bucket, key.fallback);
}

/** @throws ObjectNotFoundError */
export async function getObject(store: ObjectStore, key: ObjectKey): Promise<Uint8Array> {
  const found = await findObject(store, key);
  if (found === undefined) throw new ObjectNotFoundError(store, key);
  return found;
}

/** Stores an object and gives its key, which the `…_blob_url` columns show. */
export async function putObject(store: ObjectStore, key: ObjectKey, value: Uint8Array): Promise<string> {
  await store.put(key.bucket, key.key, value);
  return key.key;
}
