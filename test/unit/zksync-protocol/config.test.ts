import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../../lib/component/refusal.ts';
import { loadConfig, requireProverUrl, type ZksyncConfig } from '../../../systems/zksync/protocol/config.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-config-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function load(general: string, env: Record<string, string> = {}): Promise<ZksyncConfig> {
  const configPath = join(dir, 'general.yaml');
  await writeFile(configPath, general);
  return loadConfig({ configPath }, env);
}

async function file(name: string, content: string): Promise<string> {
  await writeFile(join(dir, name), content);
  return join(dir, name);
}

test('an empty file gives the defaults of upstream', async () => {
  const config = await load('');
  expect(config.proverGateway).toMatchObject({ port: 3322, prometheusListenerPort: 3310 });
  expect(config.proverJobMonitor).toMatchObject({
    httpPort: 3074,
    prometheusPort: 3317,
    maxDbConnections: 9,
    witnessJobQueuerRunIntervalMs: 10_000,
    proverJobsArchiverRunIntervalMs: 1_800_000,
    proverJobsArchiverArchiveJobsAfterMs: 172_800_000,
  });
  expect(config.prover).toMatchObject({ generationTimeoutMs: 600_000, maxAttempts: 5, setupDataPath: 'data/keys' });
  expect(config.prover.objectStore).toMatchObject({ mode: 'FileBacked', fileBackedBasePath: 'artifacts' });
  expect(config.externalProofIntegrationApi.httpPort).toBe(3073);
  expect(config.eth.sender.proofSendingMode).toBe('SKIP_EVERY_PROOF');
});

test.each([
  ['generation_timeout_in_secs: 600', 600_000],
  ['generation_timeout_secs: 600', 600_000],
  ['generation_timeout_ms: 600', 600],
  ['generation_timeout: 10s', 10_000],
  ['generation_timeout: 5 hours', 18_000_000],
  ['generation_timeout: 300 ms', 300],
  ['generation_timeout_in_secs: "2 min"', 120_000],
])('a duration: %s', async (line, ms) => {
  expect((await load(`prover:\n  ${line}\n`)).prover.generationTimeoutMs).toBe(ms);
});

test('bare numbers of the L1 sender count in seconds', async () => {
  const { eth } = await load('eth: {sender: {aggregated_block_prove_deadline: 7}}');
  expect(eth.sender.aggregatedBlockProveDeadlineMs).toBe(7000);
});

test('enum names may be in any case', async () => {
  const config = await load(
    'prover: {prover_object_store: {mode: FILE_BACKED}}\neth: {sender: {proof_sending_mode: OnlyRealProofs}}',
  );
  expect(config.prover.objectStore.mode).toBe('FileBacked');
  expect(config.eth.sender.proofSendingMode).toBe('ONLY_REAL_PROOFS');
});

test('the older object store form is read', async () => {
  const { coreObjectStore } = await load(
    'core_object_store: {file_backed: {file_backed_base_path: x}, max_retries: 10}',
  );
  expect(coreObjectStore).toMatchObject({ mode: 'FileBacked', fileBackedBasePath: 'x', maxRetries: 10 });
});

test('the environment wins over the file', async () => {
  const config = await load('prover_gateway: {port: 1}', {
    ZKSYNC_PROVER_GATEWAY_PORT: '3999',
    ZKSYNC_PROVER_GENERATION_TIMEOUT: '3s',
    ZKSYNC_DATABASE_PROVER_URL: 'postgres://elsewhere',
  });
  expect(config.proverGateway.port).toBe(3999);
  expect(config.prover.generationTimeoutMs).toBe(3000);
  expect(config.database.proverUrl).toBe('postgres://elsewhere');
});

test('unknown keys and sections are ignored', async () => {
  const config = await load('nonsense: 1\nprover: {whatever: [1], max_attempts: 3}');
  expect(config.prover.maxAttempts).toBe(3);
});

test.each([
  ['prover_gateway: {port: 70000}', /prover_gateway\.port: expected a whole number up to 65535, found '70000'/],
  ['prover: {generation_timeout: soon}', /prover\.generation_timeout: not a duration/],
  ['devkit: {aggregation: magic}', /devkit\.aggregation: expected one of linked, recursive, found 'magic'/],
  ['prover: 5', /prover: expected a section/],
  ['- 1', /expected a map/],
  ['a: [', /not YAML/],
  ['prover: {prover_object_store: {mode: GCS}}', /mode GCS needs bucket_base_url/],
])('a mistake is named with file and key: %s', async (content, message) => {
  await expect(load(content)).rejects.toThrow(ConfigError);
  await expect(load(content)).rejects.toThrow(message);
});

test('a missing file is named', async () => {
  await expect(loadConfig({ configPath: join(dir, 'none.yaml') }, {})).rejects.toThrow(/none\.yaml: no such file/);
});

test('a missing database URL names file, key and the next command', async () => {
  const config = await load('');
  expect(() => requireProverUrl(config)).toThrow(
    'secrets.yaml: database.prover_url: missing; run `devkit prover init`',
  );
});

test('hex values without quotes stay text', async () => {
  const hash = `0x${'14f97b81'.repeat(8)}`;
  const configPath = await file('general.yaml', '');
  const genesisPath = await file(
    'genesis.yaml',
    `l2_chain_id: 271\nprover:\n  recursion_scheduler_level_vk_hash: ${hash}\n`,
  );
  const walletsPath = await file(
    'wallets.yaml',
    'operator:\n  address: 0x00000000000000000000000000000000000000ff\n  private_key: 0x01\n',
  );
  const contractsPath = await file(
    'contracts.yaml',
    'l1:\n  verifier_addr: 0x00000000000000000000000000000000000000aa\n',
  );
  const config = await loadConfig({ configPath, genesisPath, walletsPath, contractsPath }, {});
  expect(config.genesis).toMatchObject({ l2ChainId: 271, prover: { snarkWrapperVkHash: hash, dummyVerifier: true } });
  expect(config.wallets).toEqual({
    operator: { address: '0x00000000000000000000000000000000000000ff', privateKey: '0x01' },
  });
  expect(config.contracts).toEqual({ l1: { verifier_addr: '0x00000000000000000000000000000000000000aa' } });
});

test('the shipped general.yaml is read as it is, with the small intervals of a devnet', async () => {
  const config = await loadConfig({ configPath: 'templates/zksync/general.yaml' }, {});
  expect(config.proverJobMonitor.witnessJobQueuerRunIntervalMs).toBeLessThanOrEqual(200);
  expect(config.devkit.fast.maxIdleBackoffMs).toBeLessThanOrEqual(250);
  expect(config.devkit).toMatchObject({ variant: 'reference', aggregation: 'linked', crs: 'dev' });
});
