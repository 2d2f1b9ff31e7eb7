import { expect, test } from 'vitest';
import { progressText } from '../../../cli/services/upstream-download.ts';
import {
  KEY_BUCKETS,
  parseGsUri,
  parseKeyBuckets,
  setupKeyFiles,
} from '../../../systems/zksync/upstream/key-buckets.ts';

test('the setup files are those of the reference: 20 basic, 20 leaf, 3 upper, 4 compression, 2 wrapper, 2 snark', () => {
  const names = setupKeyFiles();
  expect(names).toHaveLength(51);
  expect(new Set(names).size).toBe(51);
  for (const name of [
    'setup_basic_1_data.bin',
    'setup_basic_19_data.bin',
    'setup_basic_255_data.bin',
    'setup_leaf_3_data.bin',
    'setup_leaf_22_data.bin',
    'setup_compression_wrapper_5_data.bin',
    'fflonk_setup_snark_data.bin',
  ]) {
    expect(names).toContain(name);
  }
});

test.each(Object.entries(KEY_BUCKETS))('the table of %s names a folder in every region', (_version, { sha, uris }) => {
  for (const uri of Object.values(uris)) expect(parseGsUri(uri)?.prefix).toBe(`${sha}/`);
});

test("upstream's file is read with and without its sha, and with or without the final slash", () => {
  const uris = { us: 'gs://b-us/8f48976-gpu', europe: 'gs://b-eu/8f48976-gpu/', asia: 'gs://b-as/8f48976-gpu/' };
  expect(parseKeyBuckets(JSON.stringify(uris), 'x')).toEqual({
    sha: '8f48976-gpu',
    uris: { ...uris, us: 'gs://b-us/8f48976-gpu/' },
    source: 'x',
  });
  expect(parseKeyBuckets(JSON.stringify({ sha: 'other', ...uris }), 'x').sha).toBe('other');
  expect(() => parseKeyBuckets(JSON.stringify({ ...uris, asia: '/tmp' }), 'x')).toThrow(
    '"asia" is not a gs:// address',
  );
  expect(() => parseKeyBuckets('[]', 'x')).toThrow('"us" is not a gs:// address');
});

test('progress says how much, how fast and how long', () => {
  const progress = { doneBytes: 6 * 2 ** 30, totalBytes: 24 * 2 ** 30, doneFiles: 12, totalFiles: 51 };
  expect(progressText(progress, 96 * 2 ** 20)).toBe('6 GiB of 24 GiB, 12 of 51 files, 96 MiB/s, 3 min 12 s left');
  expect(progressText({ ...progress, totalBytes: 0 }, 0)).toBe('6 GiB, 12 of 51 files, 0 B/s');
});
