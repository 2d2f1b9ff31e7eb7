import { ConfigError } from '../../../../lib/component/refusal.ts';
import { choice, integer, readSection, type Source, subSection, text } from './fields.ts';

const MODES = [
  'FileBacked',
  'GCS',
  'GCSAnonymousReadOnly',
  'GCSWithCredentialFile',
  'S3AnonymousReadOnly',
  'S3WithCredentialFile',
] as const;

export type ObjectStoreMode = (typeof MODES)[number];

export interface ObjectStoreConfig {
  mode: ObjectStoreMode;
  /** FileBacked: relative to the component's working directory. */
  fileBackedBasePath: string | undefined;
  bucketBaseUrl: string | undefined;
  credentialFilePath: string | undefined;
  endpoint: string | undefined;
  region: string | undefined;
  maxRetries: number;
  localMirrorPath: string | undefined;
}

const LEGACY_MODE_KEYS: Readonly<Record<string, ObjectStoreMode>> = {
  file_backed: 'FileBacked',
  gcs: 'GCS',
  gcs_anonymous_read_only: 'GCSAnonymousReadOnly',
  gcs_with_credential_file: 'GCSWithCredentialFile',
  s3_anonymous_read_only: 'S3AnonymousReadOnly',
  s3_with_credential_file: 'S3WithCredentialFile',
};

/** `mode` with its fields as siblings, or the older form with one key per mode. */
export function readObjectStore(source: Source): ObjectStoreConfig {
  const legacy = Object.keys(LEGACY_MODE_KEYS).find((key) => source.raw[key] !== undefined);
  const fields = legacy === undefined || source.raw.mode !== undefined ? source : subSection(source, legacy);
  const store = readSection(fields, {
    mode: choice('mode', MODES, (fields === source ? undefined : LEGACY_MODE_KEYS[legacy ?? '']) ?? 'FileBacked'),
    fileBackedBasePath: text('file_backed_base_path', undefined),
    bucketBaseUrl: text('bucket_base_url', undefined),
    credentialFilePath: text(['gcs_credential_file_path', 's3_credential_file_path'], undefined),
    endpoint: text('endpoint', undefined),
    region: text('region', undefined),
    localMirrorPath: text('local_mirror_path', undefined),
  });
  const { maxRetries } = readSection(source, { maxRetries: integer('max_retries', 5) });
  if (store.mode === 'FileBacked' && store.fileBackedBasePath === undefined) {
    return { ...store, maxRetries, fileBackedBasePath: 'artifacts' };
  }
  if (store.mode !== 'FileBacked' && store.bucketBaseUrl === undefined) {
    throw new ConfigError(`${source.file}: ${source.path.join('.')}: mode ${store.mode} needs bucket_base_url`);
  }
  return { ...store, maxRetries };
}
