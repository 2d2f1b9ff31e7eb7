/** What a bucket has: its public object list, or, where it shows none, the headers of files whose names are known. */
import { retry } from '../retry.ts';
import { DownloadError, TransientError } from './errors.ts';
import { type Answer, type Patience, release, request, textOf, withoutQuery } from './request.ts';

/** A file of a server. Numbers are absent where the server does not say them. */
export interface RemoteFile {
  /** Path below the folder that it goes to. */
  name: string;
  url: string;
  bytes?: number;
  /** Base64; of the four bytes, big-endian. */
  crc32c?: string;
  /** Base64. Composed objects have none. */
  md5?: string;
  generation?: string;
  /** Who said the hashes. */
  hashesFrom: 'listing' | 'headers' | 'none';
}

export interface BucketPlace {
  /** Server, e.g. `https://storage.googleapis.com`. */
  baseUrl: string;
  bucket: string;
  /** A folder with its final slash, e.g. `abc-gpu/`, or the name of one object. */
  prefix: string;
}

export interface AskOptions {
  patience: Patience;
  signal: AbortSignal;
}

export const objectUrl = ({ baseUrl, bucket }: Omit<BucketPlace, 'prefix'>, name: string): string =>
  `${baseUrl.replace(/\/+$/, '')}/${bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;

/**
 * All objects of a folder, or the one object, over all pages (GCS JSON API). Names are those below the folder.
 * @throws DownloadError `status` when the server shows no list, `invalid` for names that cannot be used, `unreachable`
 */
export async function listBucket(place: BucketPlace, options: AskOptions): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  const seen = new Set<string>();
  let pageToken: string | undefined;
  do {
    const url = listUrl(place, pageToken);
    const page = await fetchPage(url, options);
    files.push(...(page.items ?? []).flatMap((item) => fileOf(place, item, url)));
    pageToken = page.nextPageToken;
    if (pageToken !== undefined && seen.has(pageToken)) {
      throw new DownloadError('invalid', `${withoutQuery(url)}: the list never ends`);
    }
    if (pageToken !== undefined) seen.add(pageToken);
  } while (pageToken !== undefined);
  return files;
}

interface Item {
  name?: unknown;
  size?: unknown;
  crc32c?: unknown;
  md5Hash?: unknown;
  generation?: unknown;
}
interface Page {
  items?: Item[];
  nextPageToken?: string;
}

function listUrl({ baseUrl, bucket, prefix }: BucketPlace, pageToken: string | undefined): string {
  const query = new URLSearchParams({
    prefix,
    fields: 'items(name,size,md5Hash,crc32c,generation),nextPageToken',
    ...(pageToken === undefined ? {} : { pageToken }),
  });
  return `${baseUrl.replace(/\/+$/, '')}/storage/v1/b/${encodeURIComponent(bucket)}/o?${query}`;
}

async function fetchPage(url: string, options: AskOptions): Promise<Page> {
  const body = await ask(url, 'GET', options, async (answer) => {
    const { status, ok } = answer.response;
    if (ok) return textOf(answer);
    await release(answer);
    throw new DownloadError('status', `${withoutQuery(url)}: HTTP ${status}`, { status });
  });
  try {
    const page = JSON.parse(body) as Page;
    if (typeof page === 'object' && page !== null && (page.items === undefined || Array.isArray(page.items)))
      return page;
  } catch {
    // said below
  }
  throw new DownloadError('status', `${withoutQuery(url)}: the answer is not a list of objects`);
}

/** Nothing for the placeholder of a folder, and for other objects whose names only begin like the wanted one. */
function fileOf(place: BucketPlace, item: Item, listedAt: string): RemoteFile[] {
  const full = typeof item.name === 'string' ? item.name : '';
  const isFolder = place.prefix === '' || place.prefix.endsWith('/');
  if (isFolder ? full.endsWith('/') : full !== place.prefix) return [];
  const name = isFolder ? full.slice(place.prefix.length) : (full.split('/').at(-1) ?? '');
  if (!full.startsWith(place.prefix) || !isSafeName(name)) {
    throw new DownloadError(
      'invalid',
      `${withoutQuery(listedAt)}: not a file name that can be used: ${JSON.stringify(full)}`,
    );
  }
  const crc32c = base64Of(item.crc32c, 4);
  const md5 = base64Of(item.md5Hash, 16);
  const bytes = Number(item.size ?? Number.NaN);
  return [
    {
      name,
      url: objectUrl(place, full),
      ...(Number.isSafeInteger(bytes) && bytes >= 0 ? { bytes } : {}),
      ...(crc32c === undefined ? {} : { crc32c }),
      ...(md5 === undefined ? {} : { md5 }),
      ...(typeof item.generation === 'string' ? { generation: item.generation } : {}),
      hashesFrom: crc32c === undefined && md5 === undefined ? 'none' : 'listing',
    },
  ];
}

/** No way out of the folder, no hidden or half files. */
const isSafeName = (name: string): boolean =>
  !/[\\\0]/.test(name) &&
  !name.endsWith('.part') &&
  name.split('/').every((part) => part !== '' && !part.startsWith('.'));

function base64Of(value: unknown, bytes: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  return Buffer.from(value, 'base64').length === bytes ? value : undefined;
}

/**
 * What the headers of one file say (size, hashes, generation); undefined when there is no such file.
 * @throws DownloadError `status` or `unreachable`
 */
export function headFile(name: string, url: string, options: AskOptions): Promise<RemoteFile | undefined> {
  return ask(url, 'HEAD', options, async (answer) => {
    await release(answer);
    const { status, ok, headers } = answer.response;
    if (status === 404 || status === 410) return undefined;
    if (status === 405) return { name, url, hashesFrom: 'none' }; // serves files, but tells nothing of them
    if (!ok) throw new DownloadError('status', `${url}: HTTP ${status}`, { status });
    const length = headers.get('content-length');
    const { crc32c, md5 } = hashHeader(headers.get('x-goog-hash') ?? '');
    const generation = headers.get('x-goog-generation');
    return {
      name,
      url,
      ...(length === null ? {} : { bytes: Number(length) }),
      ...(crc32c === undefined ? {} : { crc32c }),
      ...(md5 === undefined ? {} : { md5 }),
      ...(generation === null ? {} : { generation }),
      hashesFrom: crc32c === undefined && md5 === undefined ? 'none' : 'headers',
    };
  });
}

/** `crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==` */
function hashHeader(value: string): { crc32c?: string | undefined; md5?: string | undefined } {
  const find = (name: string): string | undefined => new RegExp(`(?:^|[,\\s])${name}=([^,\\s]+)`).exec(value)?.[1];
  return { crc32c: base64Of(find('crc32c'), 4), md5: base64Of(find('md5'), 16) };
}

async function ask<T>(
  url: string,
  method: 'GET' | 'HEAD',
  { patience, signal }: AskOptions,
  read: (answer: Answer) => Promise<T>,
): Promise<T> {
  try {
    return await retry(async () => read(await request(url, { method, stallMs: patience.stallMs, signal })), {
      attempts: patience.attempts,
      delayMs: patience.delayMs,
      retryIf: (error) => error instanceof TransientError,
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof TransientError)) throw cause;
    throw new DownloadError('unreachable', cause.message, { status: cause.status, cause });
  }
}
