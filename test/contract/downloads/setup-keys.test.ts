/** `prover setup-keys --mode=download` and `prover compressor-keys` of variant upstream, against a bucket on loopback. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compressorKeysResult, setupKeysResult } from '../../../cli/services/key-results.ts';
import { type Bucket, startBucket } from '../../fixtures/bucket-server.ts';
import { devkit, type Run } from '../../unit/cli/support.ts';
import { type TestEcosystem, upstreamEcosystem } from './upstream-ecosystem.ts';

const FOLDER = 'b8e4dbdc8-gpu/';
const DOWNLOAD = 'prover setup-keys --mode=download --region=us';
let eco: TestEcosystem;
let bucket: Bucket;
let env: Record<string, string>;

beforeEach(async () => {
  eco = await upstreamEcosystem();
  bucket = await startBucket('matterlabs-setup-data-us');
  env = { DEVKIT_KEYS_URL: bucket.url, PATH: process.env['PATH'] ?? '' };
});
afterEach(async () => {
  await bucket[Symbol.asyncDispose]();
  await eco[Symbol.asyncDispose]();
});

const run = (line: string, more: Record<string, string> = {}): Promise<Run> =>
  devkit(line, { cwd: eco.dir, env: { ...env, ...more } });
const json = async (line: string): Promise<Record<string, unknown>> => {
  const { stdout, stderr, exitCode } = await run(`${line} --json`);
  expect([exitCode, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Record<string, unknown>;
};

test('the keys of the protocol version come from the region, are checked, and are not downloaded twice', async () => {
  const content = randomBytes(20_000);
  bucket.put(`${FOLDER}setup_basic_1_data.bin`, content);
  bucket.put(`${FOLDER}setup_node_data.bin`, randomBytes(300));
  const first = await run(DOWNLOAD);
  expect(first.exitCode).toBe(0);
  expect(first.stdout).toBe(
    [
      `2 setup files, 20 KiB, in ${eco.keys}: 2 downloaded, 0 hashed, 0 unchanged`,
      `protocol version 0.31.0, from gs://matterlabs-setup-data-us/${FOLDER}`,
      'size and hashes are those that the server says\n',
    ].join('\n'),
  );
  expect(first.stderr).toContain(`✔ setup keys b8e4dbdc8-gpu of protocol version 0.31.0, from ${bucket.url} (us)`);
  expect(first.stderr).toContain('49 setup files are not at gs://');
  expect(await readFile(join(eco.keys, 'setup_basic_1_data.bin'))).toEqual(content);

  const data = await json(DOWNLOAD);
  expect(setupKeysResult.parse(data)).toMatchObject({
    mode: 'download',
    files: [
      { name: 'setup_basic_1_data.bin', how: 'unchanged', verified: 'listing' },
      { name: 'setup_node_data.bin', how: 'unchanged', verified: 'listing' },
    ],
  });
  expect((await json(`${DOWNLOAD} --verify`))['files']).toMatchObject([{ how: 'hashed' }, { how: 'hashed' }]);
  expect(bucket.downloads()).toBe(2);
});

test('where the bucket shows no list, files are found by name and checked by their headers', async () => {
  bucket.put(`${FOLDER}setup_leaf_3_data.bin`, randomBytes(500));
  bucket.faults = { fail: { status: 401, times: 99, of: 'list' } };
  const found = (await json(DOWNLOAD))['files'];
  expect(found).toMatchObject([{ name: 'setup_leaf_3_data.bin', how: 'downloaded', verified: 'headers' }]);
});

test('without any hashes the files are unverified, and everything says so', async () => {
  bucket.put(`${FOLDER}setup_leaf_3_data.bin`, randomBytes(500));
  bucket.faults = { listWithout: 'hashes', plainHeaders: true };
  const { stdout, stderr } = await run(DOWNLOAD);
  expect(stdout).toContain('1 unverified: the server does not say their hashes');
  expect(stderr).toContain('note: 1 of 1 files are unverified');
  const record = JSON.parse(await readFile(join(eco.keys, 'checked.json'), 'utf8')) as { files: unknown };
  expect(record.files).toMatchObject({ 'setup_leaf_3_data.bin': { verified: 'unverified', bytes: 500 } });
});

test('no keys, no permission, no server: different errors with the next command', async () => {
  const none = await run(DOWNLOAD);
  expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining('there are no keys at')]);

  bucket.faults = { fail: { status: 403, times: 999, of: 'object' }, listWithout: 'all' };
  bucket.put(`${FOLDER}setup_leaf_3_data.bin`, randomBytes(500));
  const denied = await run(DOWNLOAD);
  expect([denied.exitCode, denied.stderr]).toEqual([3, expect.stringContaining('HTTP 403: it is not public')]);
  expect(denied.stderr).toContain(
    `→ with an account that may read it: gsutil -m rsync -r gs://matterlabs-setup-data-us/${FOLDER} ${eco.keys}`,
  );
});

test('an address that is none, and a file of upstream that says none', async () => {
  const bad = await run(`${DOWNLOAD} --keys-url ftp://x`);
  expect([bad.exitCode, bad.stderr]).toEqual([2, expect.stringContaining('--keys-url takes an http(s) URL')]);
  await mkdir(join(eco.dir, 'prover'), { recursive: true });
  await writeFile(join(eco.dir, 'prover/setup-data-gpu-keys.json'), '{"us": "https://x"}');
  const invalid = await run(DOWNLOAD);
  expect([invalid.exitCode, invalid.stderr]).toEqual([2, expect.stringContaining('"us" is not a gs:// address')]);
});

test("another version needs upstream's own file, which then wins", async () => {
  const genesis = await readFile(eco.genesis, 'utf8');
  await writeFile(eco.genesis, genesis.replace('0.31.0', '0.29.3'));
  const unknown = await run(DOWNLOAD);
  expect([unknown.exitCode, unknown.stderr]).toEqual([
    2,
    expect.stringContaining('no setup keys are known for protocol version 0.29.3 (known: 0.31.0)'),
  ]);
  const uris = Object.fromEntries(
    ['us', 'europe', 'asia'].map((region) => [region, `gs://matterlabs-setup-data-${region}/8f48976-gpu/`]),
  );
  await mkdir(join(eco.dir, 'prover'), { recursive: true });
  await writeFile(join(eco.dir, 'prover/setup-data-gpu-keys.json'), JSON.stringify(uris));
  bucket.put('8f48976-gpu/setup_node_data.bin', randomBytes(300));
  expect(await json(DOWNLOAD)).toMatchObject({
    protocolVersion: '0.29.3',
    from: 'gs://matterlabs-setup-data-us/8f48976-gpu/',
  });
});

test('the compressor key: downloaded to the given path, which general.yaml names afterwards, also through prover init', async () => {
  const other = await startBucket('matterlabs-setup-keys-us');
  env = { ...env, DEVKIT_KEYS_URL: other.url };
  try {
    const content = randomBytes(40_000);
    other.put('setup-keys/setup_compact.key', content);
    other.put('setup-keys/setup_compact.key.old', randomBytes(10));
    const byDefault = await json('prover compressor-keys');
    const path = join(eco.dir, 'prover/keys/setup/setup_compact.key');
    expect(compressorKeysResult.parse(byDefault)).toMatchObject({
      universalSetupPath: path,
      file: { verified: 'listing', how: 'downloaded', bytes: 40_000 },
    });
    expect(await readFile(path)).toEqual(content);
    expect((await eco.read(eco.general))['proof_compressor']?.['universal_setup_path']).toBe(path);

    const init = await run(
      `prover init --setup-compressor-key --path big/crs.key --setup-keys=false --setup-database=false --proof-store-dir mine`,
    );
    expect([init.exitCode, init.stderr]).toEqual([0, expect.stringContaining('universal setup of the compressor')]);
    const general = await eco.read(eco.general);
    expect(general['proof_compressor']?.['universal_setup_path']).toBe(join(eco.dir, 'big/crs.key'));
    expect(general['prover']?.['prover_object_store']).toMatchObject({ file_backed_base_path: 'mine' });
    expect(await readFile(join(eco.dir, 'big/crs.key'))).toEqual(content);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test('a compressor key at an address of its own is checked by its headers', async () => {
  const { editYaml } = await import('../../../cli/services/ecosystem/yaml-file.ts');
  const own = await startBucket('elsewhere');
  try {
    own.put('crs.key', randomBytes(1000));
    const url = `${own.url}/elsewhere/crs.key`;
    await editYaml(eco.general, { 'proof_compressor.universal_setup_download_url': url });
    expect(await json('prover compressor-keys')).toMatchObject({ url, file: { verified: 'headers' } });
    own.objects.clear();
    const gone = await run('prover compressor-keys --path elsewhere.key');
    expect([gone.exitCode, gone.stderr]).toEqual([2, expect.stringContaining(`there is no ${url}`)]);
  } finally {
    await own[Symbol.asyncDispose]();
  }
});

test('generate names everything that is missing, in one go', async () => {
  const { exitCode, stderr } = await run('prover setup-keys --mode=generate', { PATH: '/nonexistent' });
  expect(exitCode).toBe(3);
  expect(stderr).toBe(
    [
      `error: setup keys cannot be generated here, missing: a GPU (no NVIDIA driver: there is no nvidia-smi); upstream's program key_generator (not on PATH); the compressor key (${eco.dir}/prover/keys/setup/setup_compact.key); bellman-cuda (${eco.stackFile}: bellman_cuda_dir is not set)`,
      '→ devkit prover setup-keys --mode=download\n',
    ].join('\n'),
  );
});

test("generate runs upstream's key_generator in prover/, with the compressor key and bellman-cuda", async () => {
  const { editYaml } = await import('../../../cli/services/ecosystem/yaml-file.ts');
  const program = join(eco.dir, 'key_generator');
  const record = join(eco.dir, 'calls');
  await writeFile(
    program,
    `#!/bin/sh\necho "$PWD|$*|$COMPACT_CRS_FILE|$BELLMAN_CUDA_DIR" >> ${record}\necho working\n[ ! -e ${eco.dir}/fail ] || { echo "out of memory" >&2; exit 3; }\n`,
  );
  await chmod(program, 0o755);
  await mkdir(join(eco.dir, 'prover/keys/setup'), { recursive: true });
  await writeFile(join(eco.dir, 'prover/keys/setup/setup_compact.key'), 'x');
  await editYaml(eco.stackFile, { bellman_cuda_dir: eco.dir, 'devkit.binaries.key_generator': program });
  const generate = 'prover setup-keys --mode=generate --ignore-prerequisites';
  const made = await run(generate);
  expect([made.exitCode, made.stdout]).toEqual([0, `setup keys in ${eco.keys}, made by ${program}\n`]);
  const where = `${eco.dir}/prover`;
  const files = `${where}/keys/setup/setup_compact.key|${eco.dir}`;
  expect((await readFile(record, 'utf8')).trim().split('\n')).toEqual([
    `${where}|generate-sk-gpu all --recompute-if-missing --setup-path=data/keys --path=${eco.keys}|${files}`,
    `${where}|generate-compressor-data|${files}`,
  ]);
  expect(await readFile(join(where, 'data/key-generator.log'), 'utf8')).toBe('working\nworking\n');

  await writeFile(join(eco.dir, 'fail'), '');
  const failed = await run(generate);
  expect(failed.exitCode).toBe(4);
  expect(failed.stderr).toContain(
    `error: ${program} ended with exit code 3; its last lines:\n  working\n  out of memory\n→ all of them: ${where}/data/key-generator.log`,
  );
});

test('a reference ecosystem downloads nothing, and says which flags do nothing', async () => {
  const reference = await upstreamEcosystem('reference');
  try {
    const { exitCode, stderr } = await devkit(`${DOWNLOAD} --verify`, { cwd: reference.dir, env });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('note: --region us is ignored: the keys ship with the kit');
    expect(stderr).toContain('note: --verify is ignored: the keys ship with the kit');
    expect(bucket.requests).toEqual([]);
  } finally {
    await reference[Symbol.asyncDispose]();
  }
});
