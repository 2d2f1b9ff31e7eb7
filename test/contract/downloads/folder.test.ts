/** Downloads against a server that does what servers do: cut, lie, be busy, replace files. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readChecked } from '../../../lib/download/checked.ts';
import { downloadFolder, type FolderOptions, type FolderResult } from '../../../lib/download/folder.ts';
import { listBucket } from '../../../lib/download/listing.ts';
import { PATIENCE } from '../../../lib/download/request.ts';
import { type Bucket, crc32cOf, md5Of, startBucket } from '../../fixtures/bucket-server.ts';

const patience = { ...PATIENCE, attempts: 3, delayMs: 5, stallMs: 2000 };
const SOURCE = 'gs://keys/v1/';
const BIG = randomBytes(1_500_000);
let dir: string;
let bucket: Bucket;
let notes: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-download-'));
  bucket = await startBucket();
  notes = [];
});
afterEach(async () => {
  await bucket[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

function download(options: Partial<FolderOptions> = {}): Promise<FolderResult> {
  const signal = options.signal ?? new AbortController().signal;
  return downloadFolder({
    dir,
    source: SOURCE,
    list: () => listBucket({ baseUrl: bucket.url, bucket: 'keys', prefix: 'v1/' }, { patience, signal }),
    verify: false,
    patience,
    signal,
    onNote: (text) => notes.push(text),
    ...options,
  });
}

const how = ({ files }: FolderResult): Record<string, string> =>
  Object.fromEntries(files.map((file) => [file.name, file.how]));
const visible = async (): Promise<string[]> => (await readdir(dir)).filter((name) => !name.startsWith('.')).sort();
const ranges = (): (string | undefined)[] =>
  bucket.requests.filter(({ path }) => path.startsWith('/keys/')).map(({ range }) => range);

test('a prefix is downloaded over all pages of its list, checked and recorded; nothing twice', async () => {
  for (let i = 0; i < 7; i++) bucket.put(`v1/file ${i}.bin`, randomBytes(10_000 + i));
  bucket.put('v1/', Buffer.alloc(0)); // the placeholder of the folder
  bucket.put('v2/other.bin', randomBytes(10));
  bucket.faults = { pageSize: 3 };
  const first = await download();
  expect(first.files.map(({ name }) => name)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `file ${i}.bin`));
  for (const { name, bytes, crc32c, md5, verified } of first.files) {
    const { content } = bucket.objects.get(`v1/${name}`) ?? { content: Buffer.alloc(0) };
    expect(await readFile(join(dir, name))).toEqual(content);
    expect({ bytes, crc32c, md5, verified }).toEqual({
      bytes: content.length,
      crc32c: crc32cOf(content),
      md5: md5Of(content),
      verified: 'listing',
    });
  }
  expect(await visible()).toEqual(['checked.json', ...first.files.map(({ name }) => name)]);
  expect(bucket.downloads()).toBe(7);

  const again = await download();
  expect(new Set(Object.values(how(again)))).toEqual(new Set(['unchanged']));
  expect(bucket.downloads()).toBe(7);
});

test('a connection that is cut goes on where it stopped', async () => {
  bucket.put('v1/big.bin', BIG);
  bucket.faults = { cut: { afterBytes: 400_000, times: 2 } };
  const { files } = await download();
  expect(files[0]?.crc32c).toBe(crc32cOf(BIG));
  expect(await readFile(join(dir, 'big.bin'))).toEqual(BIG);
  expect(ranges()).toEqual([undefined, 'bytes=400000-', 'bytes=800000-']);
  expect(bucket.requests.at(-1)?.ifRange).toBe(`"${md5Of(BIG)}"`);
});

test('a connection may be cut more often than there are tries, as long as something came each time', async () => {
  bucket.put('v1/big.bin', BIG);
  bucket.faults = { cut: { afterBytes: 200_000, times: 7 } };
  await download();
  expect(await readFile(join(dir, 'big.bin'))).toEqual(BIG);
  expect(bucket.downloads()).toBe(8);
});

test('an aborted download leaves its half, and the next command goes on and hashes the whole', async () => {
  bucket.put('v1/big.bin', BIG);
  bucket.faults = { pieceBytes: 50_000, pieceDelayMs: 10 };
  const stop = new AbortController();
  const stopped = download({
    signal: stop.signal,
    onProgress: ({ doneBytes }) => {
      if (doneBytes >= 300_000) stop.abort(new Error('stopped by the user'));
    },
  });
  await expect(stopped).rejects.toThrow('stopped by the user');
  expect(await visible()).toEqual(['big.bin.part', 'big.bin.part.json', 'checked.json']);
  const { size } = await stat(join(dir, 'big.bin.part'));
  expect(size).toBeGreaterThanOrEqual(300_000);

  bucket.faults = {};
  const { files } = await download();
  expect(ranges().at(-1)).toBe(`bytes=${size}-`);
  expect(files[0]).toMatchObject({ how: 'downloaded', crc32c: crc32cOf(BIG), md5: md5Of(BIG) });
  expect(await readFile(join(dir, 'big.bin'))).toEqual(BIG);
  expect(await visible()).toEqual(['big.bin', 'checked.json']);
});

test('a half that was damaged on disk is found out by the hash of the whole, and fetched anew', async () => {
  bucket.put('v1/big.bin', BIG);
  bucket.faults = { fail: { status: 503, times: 0, of: 'object' }, cut: { afterBytes: 500_000, times: 1 } };
  const stop = new AbortController();
  await expect(download({ signal: stop.signal, onNote: () => stop.abort(new Error('stopped')) })).rejects.toThrow(
    'stopped',
  );
  const part = await readFile(join(dir, 'big.bin.part'));
  part[1000] = (part[1000] as number) ^ 1;
  await writeFile(join(dir, 'big.bin.part'), part);

  await download();
  expect(ranges().slice(1)).toEqual(['bytes=500000-', undefined]);
  expect(notes.join()).toContain(`expected ${crc32cOf(BIG)}; it is downloaded again`);
  expect(await readFile(join(dir, 'big.bin'))).toEqual(BIG);
});

test('a server that ignores ranges starts the file over', async () => {
  bucket.put('v1/big.bin', BIG);
  bucket.faults = { cut: { afterBytes: 400_000, times: 1 }, ignoreRange: true };
  await download();
  expect(ranges()).toEqual([undefined, 'bytes=400000-']);
  expect(await readFile(join(dir, 'big.bin'))).toEqual(BIG);
});

test('a busy server is asked again, with its Retry-After or our own waits; a file that never comes is an error', async () => {
  bucket.put('v1/a.bin', randomBytes(1000));
  bucket.faults = { fail: { status: 503, times: 2, of: 'object' } };
  await download();
  bucket.put('v1/b.bin', randomBytes(1000));
  bucket.faults = { fail: { status: 503, times: 99, of: 'object' } };
  await expect(download()).rejects.toMatchObject({
    name: 'DownloadError',
    reason: 'unreachable',
    message: `${bucket.url}/keys/v1/b.bin: HTTP 503 (3 tries)`,
  });
});

test('wrong bytes are fetched once more; twice wrong names what was expected and found', async () => {
  bucket.put('v1/a.bin', BIG);
  bucket.faults = { corrupt: { times: 1 } };
  await download();
  expect(await readFile(join(dir, 'a.bin'))).toEqual(BIG);
  expect(bucket.downloads()).toBe(2);

  bucket.put('v1/b.bin', BIG);
  bucket.faults = { corrupt: { times: 99 } };
  const error = await download().catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ reason: 'damaged' });
  expect((error as Error).message).toMatch(/b\.bin: downloaded twice, and both times crc32c \S{8}, expected \S{8}$/);
  expect((error as Error).message).toContain(`expected ${crc32cOf(BIG)}`);
  expect(await visible()).toEqual(['a.bin', 'checked.json']);
});

test('a file that is replaced while it is downloaded: the list is read again', async () => {
  const next = randomBytes(BIG.length);
  bucket.put('v1/big.bin', BIG, '1');
  bucket.faults = {
    cut: { afterBytes: 400_000, times: 1 },
    beforeBody: () => bucket.put('v1/big.bin', next, '2'),
  };
  const { files } = await download();
  expect(notes.join()).toContain('replaced on the server');
  expect(files[0]?.crc32c).toBe(crc32cOf(next));
  expect(await readFile(join(dir, 'big.bin'))).toEqual(next);
});

test('a file that is replaced between two commands is downloaded again, its old half is not used', async () => {
  bucket.put('v1/a.bin', randomBytes(1000), '1');
  await download();
  bucket.put('v1/a.bin', BIG, '2');
  bucket.faults = { cut: { afterBytes: 500_000, times: 1 } };
  const stop = new AbortController();
  await expect(download({ signal: stop.signal, onNote: () => stop.abort(new Error('x')) })).rejects.toThrow();
  const third = randomBytes(BIG.length);
  bucket.put('v1/a.bin', third, '3');
  bucket.requests.length = 0;
  await download();
  expect(ranges()).toEqual([undefined]);
  expect(await readFile(join(dir, 'a.bin'))).toEqual(third);
});

test('without hashes in the list a file is unverified, and says so; --verify still finds what changed on disk', async () => {
  bucket.put('v1/a.bin', BIG);
  bucket.faults = { listWithout: 'hashes', plainHeaders: true };
  const { files } = await download();
  expect(files[0]).toMatchObject({ verified: 'unverified', crc32c: crc32cOf(BIG) });
  expect((await readChecked(dir)).files['a.bin']?.verified).toBe('unverified');
  const damaged = Buffer.from(BIG);
  damaged[5] = (damaged[5] as number) ^ 1;
  const { atime, mtime } = await stat(join(dir, 'a.bin'));
  await writeFile(join(dir, 'a.bin'), damaged);
  await utimes(join(dir, 'a.bin'), atime, mtime);
  const verified = await download({ verify: true });
  expect(how(verified)).toEqual({ 'a.bin': 'downloaded' });
  expect(notes.join()).toContain(`expected ${crc32cOf(BIG)}`);
  expect(await readFile(join(dir, 'a.bin'))).toEqual(BIG);
});

test('the second command goes by size and time; a touched file is hashed, a damaged one replaced', async () => {
  for (const name of ['a', 'b', 'c']) bucket.put(`v1/${name}.bin`, randomBytes(5000));
  await download();
  const past = new Date(1_600_000_000_000);
  await utimes(join(dir, 'a.bin'), past, past);
  await writeFile(join(dir, 'b.bin'), randomBytes(5000));
  const second = await download();
  expect(how(second)).toEqual({ 'a.bin': 'hashed', 'b.bin': 'downloaded', 'c.bin': 'unchanged' });
  expect(how(await download())).toEqual({ 'a.bin': 'unchanged', 'b.bin': 'unchanged', 'c.bin': 'unchanged' });
  expect(how(await download({ verify: true }))).toEqual({ 'a.bin': 'hashed', 'b.bin': 'hashed', 'c.bin': 'hashed' });
  expect(bucket.downloads()).toBe(4);
});

test('files that another tool brought are taken over when they are right', async () => {
  bucket.put('v1/a.bin', BIG);
  await writeFile(join(dir, 'a.bin'), BIG);
  expect(how(await download())).toEqual({ 'a.bin': 'hashed' });
  expect(bucket.downloads()).toBe(0);
});

test('without the server, what was complete once is enough', async () => {
  bucket.put('v1/a.bin', BIG);
  await download();
  bucket.faults = { fail: { status: 503, times: 99, of: 'list' } };
  const offline = await download();
  expect([offline.offline, how(offline)]).toEqual([true, { 'a.bin': 'unchanged' }]);
  expect(notes.join()).toContain('compared with what was recorded');
  await expect(download({ source: 'gs://keys/v2/' })).rejects.toMatchObject({ reason: 'unreachable' });
});

test('a disk that is too small is refused with the arithmetic, before anything is downloaded', async () => {
  bucket.put('v1/a.bin', randomBytes(10));
  bucket.faults = { sizes: { 'v1/a.bin': 2 ** 50 } };
  await expect(download()).rejects.toMatchObject({
    reason: 'disk',
    message: expect.stringMatching(/: 1024 TiB to download \+ 5 % = 1075 TiB, but .+ are free$/),
  });
  expect(bucket.downloads()).toBe(0);
});

test('two commands at once download everything once', async () => {
  for (let i = 0; i < 4; i++) bucket.put(`v1/${i}.bin`, BIG.subarray(0, 300_000));
  bucket.faults = { pieceBytes: 30_000, pieceDelayMs: 60 };
  const [one, two] = await Promise.all([download(), download()]);
  expect(bucket.downloads()).toBe(4);
  expect([how(one)['0.bin'], how(two)['0.bin']].sort()).toEqual(['downloaded', 'unchanged']);
  expect(notes).toEqual([`another command downloads to ${dir}: waiting for it`]);
});

test('at most four files at once', async () => {
  for (let i = 0; i < 9; i++) bucket.put(`v1/${i}.bin`, randomBytes(1000));
  let open = 0;
  let most = 0;
  bucket.faults = {
    beforeBody: async () => {
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setTimeout(resolve, 40));
      open -= 1;
    },
  };
  await download();
  expect(most).toBe(4);
});

test('a server that stops sending is given up and asked again', async () => {
  bucket.put('v1/a.bin', BIG);
  let hangs = 1;
  bucket.faults = { beforeBody: () => (hangs-- > 0 ? new Promise(() => {}) : undefined) };
  await download({ patience: { ...patience, stallMs: 200 } });
  expect(notes.join()).toContain('nothing came for 200 ms');
  expect(await readFile(join(dir, 'a.bin'))).toEqual(BIG);
});

test.each(['../up.bin', '.hidden', 'a/../../up.bin', 'x.part'])('a list with the name %s is refused', async (name) => {
  bucket.put(`v1/${name}`, randomBytes(10));
  await expect(download()).rejects.toMatchObject({ reason: 'invalid', message: expect.stringContaining('file name') });
  expect(bucket.downloads()).toBe(0);
});
