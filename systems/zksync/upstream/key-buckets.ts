/**
 * Where upstream keeps its setup keys. `matter-labs/zksync-era`, commit 3e29e4a08d (2026-07-02): `prover/setup-data-gpu-keys.json`
 * names one folder per release in three regional buckets; the checkout of any other release has its own such file.
 */

export const KEY_REGIONS = ['us', 'europe', 'asia'] as const;
export type KeyRegion = (typeof KEY_REGIONS)[number];

/** Server of the buckets: objects at `<server>/<bucket>/<name>`, lists at `<server>/storage/v1/b/<bucket>/o`. */
export const BUCKET_SERVER = 'https://storage.googleapis.com';

/** Upstream's name of the file that says where the keys of its release are. */
export const KEY_BUCKETS_FILE = 'setup-data-gpu-keys.json';

export interface KeyBuckets {
  /** Folder name: commit of the keys and `-gpu`. */
  sha: string;
  /** `gs://<bucket>/<folder>/` by region. */
  uris: Readonly<Record<KeyRegion, string>>;
  source: string;
}

/** By protocol version. A release says its own only; others come from the file of their checkout. */
export const KEY_BUCKETS: Readonly<Record<string, KeyBuckets>> = {
  '0.31.0': {
    sha: 'b8e4dbdc8-gpu',
    uris: {
      us: 'gs://matterlabs-setup-data-us/b8e4dbdc8-gpu/',
      europe: 'gs://matterlabs-setup-data-europe/b8e4dbdc8-gpu/',
      asia: 'gs://matterlabs-setup-data-asia/b8e4dbdc8-gpu/',
    },
    source: 'zksync-era 3e29e4a08d, prover/setup-data-gpu-keys.json',
  },
};

/** What to expect before the server was asked; what is needed is read from its list. */
export const SETUP_KEYS_BYTES = { value: 26e9, source: 'zksync-era PR 2811: about 26 GB' } as const;

/** Where zkstack puts the compressor's universal setup, below `prover/`. */
export const COMPRESSOR_KEY_PATH = 'keys/setup/setup_compact.key';
export const COMPRESSOR_KEY_URL = `${BUCKET_SERVER}/matterlabs-setup-keys-us/setup-keys/setup_compact.key`;

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Big files of `prover/data/keys` that are downloaded or generated; the small ones come with the checkout and the images. */
export function setupKeyFiles(): string[] {
  const keys = [
    ...[...range(1, 19), 255].map((circuit) => `basic_${circuit}`),
    ...range(3, 22).map((circuit) => `leaf_${circuit}`),
    'node',
    'recursion_tip',
    'scheduler',
    ...range(1, 4).map((layer) => `compression_${layer}`),
    'compression_wrapper_1',
    'compression_wrapper_5',
  ];
  return [...keys.map((key) => `setup_${key}_data.bin`), 'plonk_setup_snark_data.bin', 'fflonk_setup_snark_data.bin'];
}

/** `gs://bucket/a/b` → bucket and `a/b`; undefined for anything else. */
export function parseGsUri(uri: string): { bucket: string; prefix: string } | undefined {
  const match = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])\/(.*)$/.exec(uri);
  return match ? { bucket: match[1] as string, prefix: match[2] as string } : undefined;
}

/** Content of upstream's file; older ones have no `sha`. @throws Error saying what is wrong */
export function parseKeyBuckets(text: string, source: string): KeyBuckets {
  const found = JSON.parse(text) as Partial<Record<string, unknown>>;
  const uris = Object.fromEntries(
    KEY_REGIONS.map((region) => {
      const uri = found[region];
      if (typeof uri !== 'string' || !parseGsUri(uri)) throw new Error(`"${region}" is not a gs:// address`);
      return [region, uri.endsWith('/') ? uri : `${uri}/`];
    }),
  ) as Record<KeyRegion, string>;
  const folder = uris.us.split('/').at(-2) ?? '';
  return { sha: typeof found['sha'] === 'string' ? found['sha'] : folder, uris, source };
}
