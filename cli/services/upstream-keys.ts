/** Variant upstream: `prover setup-keys --mode=download` and `prover compressor-keys`. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DownloadError } from '../../lib/download/errors.ts';
import type { FolderFile } from '../../lib/download/folder.ts';
import { type AskOptions, headFile, listBucket, objectUrl, type RemoteFile } from '../../lib/download/listing.ts';
import { formatVersion, PROVER_PROTOCOL_VERSION } from '../../systems/zksync/protocol/ids.ts';
import {
  BUCKET_SERVER,
  COMPRESSOR_KEY_PATH,
  COMPRESSOR_KEY_URL,
  KEY_BUCKETS,
  KEY_BUCKETS_FILE,
  type KeyBuckets,
  type KeyRegion,
  parseGsUri,
  parseKeyBuckets,
  setupKeyFiles,
} from '../../systems/zksync/upstream/key-buckets.ts';
import { DevkitError } from '../core/errors.ts';
import { readState } from '../core/state.ts';
import type { ServiceContext } from './context.ts';
import { type Chain, type Ecosystem, ecosystemDirOf, listChains, openChain } from './ecosystem/files.ts';
import { editYaml, readYaml, textAt } from './ecosystem/yaml-file.ts';
import { downloadKeys, keysServer } from './upstream-download.ts';

/** What every command about upstream's keys may be told. */
export interface UpstreamKeyInput {
  chain?: string | undefined;
  /** Server of the buckets; absent: DEVKIT_KEYS_URL, else upstream's. */
  keysUrl?: string | undefined;
  /** Hash also files that are unchanged since they were hashed. */
  verify?: boolean | undefined;
  env: Readonly<Record<string, string | undefined>>;
}

export interface DownloadedKeys {
  variant: 'upstream';
  mode: 'download';
  keysDir: string;
  protocolVersion: string;
  region: KeyRegion;
  /** `gs://<bucket>/<folder>/` */
  from: string;
  server: string;
  files: FolderFile[];
  /** Setup files that upstream's programs may ask for and the server does not have. */
  missing: string[];
  /** The server could not be asked. */
  offline: boolean;
}

/** Whether the ecosystem runs upstream's programs: its chain, its ZkStack.yaml or the devnet says so. */
export async function isUpstream(ctx: ServiceContext, ecosystem: Ecosystem, chain?: string): Promise<boolean> {
  const files = [(await openChain(ecosystem, chain)).paths.general, ecosystem.paths.file];
  for (const file of files) {
    if (existsSync(file) && textAt(await readYaml(file), 'devkit.variant') === 'upstream') return true;
  }
  const state = await readState(ctx.paths);
  return state?.variant === 'upstream' && ecosystemDirOf(state) === ecosystem.paths.dir;
}

/** All setup keys of the chain's protocol version, to `prover/data/keys`. */
export async function downloadSetupKeys(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  input: UpstreamKeyInput & { region: KeyRegion },
): Promise<DownloadedKeys> {
  const protocolVersion = await versionOf(await openChain(ecosystem, input.chain));
  const buckets = await keyBuckets(ecosystem, protocolVersion);
  const from = buckets.uris[input.region];
  const { bucket, prefix } = parseGsUri(from) as { bucket: string; prefix: string };
  const place = { baseUrl: keysServer(input.keysUrl, input.env).url, bucket, prefix };
  const { keys: keysDir } = ecosystem.paths;
  const { files, offline } = await downloadKeys(ctx, {
    step: 'setup-keys',
    title: `setup keys ${buckets.sha} of protocol version ${protocolVersion}, from ${place.baseUrl} (${input.region})`,
    dir: keysDir,
    source: from,
    verify: input.verify ?? false,
    list: async (options) => {
      const listed = await orWithoutList(
        () => listBucket(place, options),
        () => headKnown(place, options),
      );
      if (listed.length > 0) return listed;
      throw new DownloadError('status', `there are no keys at ${objectUrl(place, prefix)}`, { status: 404 });
    },
    hints: {
      denied: `with an account that may read it: gsutil -m rsync -r ${from} ${keysDir}   then the same command again`,
      damaged: `devkit prover setup-keys --mode=download --region=${input.region === 'us' ? 'europe' : 'us'}`,
    },
  });
  const here = new Set(files.map(({ name }) => name));
  const missing = setupKeyFiles().filter((name) => !here.has(name));
  if (missing.length > 0) {
    const some = `${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}`;
    ctx.emit({ type: 'notice', message: `${missing.length} setup files are not at ${from}: ${some}` });
  }
  const server = place.baseUrl;
  return {
    variant: 'upstream',
    mode: 'download',
    keysDir,
    protocolVersion,
    region: input.region,
    from,
    server,
    files,
    missing,
    offline,
  };
}

/** In the order: the file that upstream's checkout has, put into the ecosystem; the kit's table. */
async function keyBuckets(ecosystem: Ecosystem, version: string): Promise<KeyBuckets> {
  const file = join(ecosystem.paths.prover, KEY_BUCKETS_FILE);
  if (existsSync(file)) {
    try {
      return parseKeyBuckets(await readFile(file, 'utf8'), file);
    } catch (cause) {
      throw new DevkitError('CONFIG_INVALID', `${file}: ${(cause as Error).message}`, { cause });
    }
  }
  const known = KEY_BUCKETS[version];
  if (known) return known;
  throw new DevkitError(
    'NOT_FOUND',
    `no setup keys are known for protocol version ${version} (known: ${Object.keys(KEY_BUCKETS).join(', ')})`,
    { hint: `copy prover/${KEY_BUCKETS_FILE} of that zksync-era release to ${file}, then the same command again` },
  );
}

/** Of the chain's genesis.yaml; before there is one, the version that new chains get. */
async function versionOf(chain: Chain): Promise<string> {
  const text = existsSync(chain.paths.genesis)
    ? textAt(await readYaml(chain.paths.genesis), 'genesis_protocol_semantic_version')
    : undefined;
  return text ?? formatVersion(PROVER_PROTOCOL_VERSION);
}

/** A bucket may serve its files and still show no list of them. */
async function orWithoutList(
  list: () => Promise<RemoteFile[]>,
  otherwise: () => Promise<RemoteFile[]>,
): Promise<RemoteFile[]> {
  try {
    return await list();
  } catch (error) {
    if (error instanceof DownloadError && error.reason === 'status') return otherwise();
    throw error;
  }
}

const HEADS_AT_ONCE = 8;

/** The files whose names are known, as far as they are there. */
async function headKnown(
  place: { baseUrl: string; bucket: string; prefix: string },
  options: AskOptions,
): Promise<RemoteFile[]> {
  const names = setupKeyFiles();
  const found: RemoteFile[] = [];
  for (let at = 0; at < names.length; at += HEADS_AT_ONCE) {
    const some = names.slice(at, at + HEADS_AT_ONCE);
    const answers = await Promise.all(
      some.map((name) => headFile(name, objectUrl(place, `${place.prefix}${name}`), options)),
    );
    found.push(...answers.filter((answer) => answer !== undefined));
  }
  return found;
}

export interface DownloadedCompressorKey {
  variant: 'upstream';
  /** Value of `proof_compressor.universal_setup_path`: absolute. */
  universalSetupPath: string;
  url: string;
  file: FolderFile;
  offline: boolean;
}

/** Default place of the compressor's universal setup. */
export const compressorKeyPath = (ecosystem: Ecosystem): string => join(ecosystem.paths.prover, COMPRESSOR_KEY_PATH);

/**
 * The universal setup of the compressor, named in `general.yaml`. Its path is written after the download, into the
 * file as it is then: upstream's `prover init` writes back a copy that it read before, and loses the path.
 */
export async function downloadCompressorKey(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  input: UpstreamKeyInput & { path?: string | undefined },
): Promise<DownloadedCompressorKey> {
  const chain = await openChain(ecosystem, input.chain);
  const path = input.path ?? compressorKeyPath(ecosystem);
  const { remoteOf, url } = compressorKeySource(await downloadUrlOf(chain), keysServer(input.keysUrl, input.env));
  const { files, offline } = await downloadKeys(ctx, {
    step: 'compressor-keys',
    title: `universal setup of the compressor, from ${url}`,
    dir: dirname(path),
    source: url,
    verify: input.verify ?? false,
    list: async (options) => [{ ...(await remoteOf(options)), name: basename(path) }],
    hints: { denied: `put the file at ${path}, and name its address in ${chain.paths.general}` },
  });
  await recordUniversalSetup(ecosystem, path);
  return { variant: 'upstream', universalSetupPath: path, url, file: files[0] as FolderFile, offline };
}

async function downloadUrlOf(chain: Chain): Promise<string> {
  const key = 'proof_compressor.universal_setup_download_url';
  const url = existsSync(chain.paths.general) ? textAt(await readYaml(chain.paths.general), key) : undefined;
  if (url === undefined) return COMPRESSOR_KEY_URL;
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new DevkitError('CONFIG_INVALID', `${chain.paths.general}: ${key} is not an http(s) URL: ${url}`, {
    hint: `upstream's is ${COMPRESSOR_KEY_URL}`,
  });
}

/** A mirror has the files of upstream's server under the same names; an address elsewhere is left alone. */
function compressorKeySource(configured: string, server: { url: string; mirror: boolean }) {
  const upstreams = configured.startsWith(`${BUCKET_SERVER}/`);
  const url = upstreams && server.mirror ? `${server.url}${configured.slice(BUCKET_SERVER.length)}` : configured;
  const name = basename(new URL(url).pathname);
  const head = async (options: AskOptions): Promise<RemoteFile> => {
    const found = await headFile(name, url, options);
    if (found) return found;
    throw new DownloadError('status', `there is no ${url}`, { status: 404 });
  };
  const [, bucket, object] =
    /^\/([^/]+)\/(.+)$/.exec(url.startsWith(`${server.url}/`) ? url.slice(server.url.length) : '') ?? [];
  const remoteOf = async (options: AskOptions): Promise<RemoteFile> => {
    if (bucket === undefined || object === undefined) return head(options);
    const prefix = decodeURIComponent(object);
    const [found] = await orWithoutList(
      () => listBucket({ baseUrl: server.url, bucket, prefix }, options),
      async () => [],
    );
    return found ?? head(options);
  };
  return { url, remoteOf };
}

/** All chains share the folder `prover`, so they share the path. */
async function recordUniversalSetup(ecosystem: Ecosystem, path: string): Promise<void> {
  for (const name of await listChains(ecosystem)) {
    const { paths } = await openChain(ecosystem, name);
    if (existsSync(paths.general)) await editYaml(paths.general, { 'proof_compressor.universal_setup_path': path });
  }
}
