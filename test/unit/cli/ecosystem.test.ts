import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse as parseYamlText } from 'yaml';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import { openServiceContext, type ServiceContext } from '../../../cli/services/context.ts';
import { ensureChainConfigs } from '../../../cli/services/ecosystem/configs.ts';
import { createChain, createEcosystem, type EcosystemCreateInput } from '../../../cli/services/ecosystem/create.ts';
import { openChain, openEcosystem, slugify } from '../../../cli/services/ecosystem/files.ts';
import { movePorts, readTemplate } from '../../../cli/services/ecosystem/ports.ts';
import { editYaml } from '../../../cli/services/ecosystem/yaml-file.ts';
import { portsOf } from '../../../systems/zksync/ports.ts';
import { devkit } from './support.ts';

let dir: string;
let events: DevkitEvent[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-ecosystem-'));
  events = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const context = (cwd = dir): ServiceContext =>
  openServiceContext({ cwd, emit: (event) => events.push(event), signal: new AbortController().signal });

const chain: EcosystemCreateInput['chain'] = {
  name: 'era',
  proverMode: 'gpu',
  walletCreation: 'localhost',
  commitMode: 'rollup',
  baseToken: { address: '0x0000000000000000000000000000000000000001', nominator: 1, denominator: 1 },
  setAsDefault: true,
  legacyBridge: false,
  evmEmulator: false,
  tightPorts: false,
};

const create = (changes: Partial<EcosystemCreateInput> = {}) =>
  createEcosystem(context(), {
    name: 'eco',
    parent: dir,
    l1Network: 'localhost',
    proving: { aggregation: 'linked', crs: 'dev' },
    chain,
    ...changes,
  });

const yaml = async (...path: string[]): Promise<Record<string, never>> =>
  parseYamlText(await readFile(join(dir, 'eco', ...path), 'utf8'));
const modeOf = async (...path: string[]): Promise<number> => (await stat(join(dir, 'eco', ...path))).mode & 0o777;

describe('ecosystem create', () => {
  test('writes ZkStack.yaml of ecosystem and chain with the keys and spellings of upstream', async () => {
    await create();
    expect(await yaml('ZkStack.yaml')).toMatchObject({
      name: 'eco',
      l1_network: 'Localhost',
      link_to_code: '.',
      chains: './chains',
      config: './configs/',
      default_chain: 'era',
      era_chain_id: 270,
      prover_version: 'Gpu',
      wallet_creation: 'Localhost',
    });
    expect(await yaml('chains', 'era', 'ZkStack.yaml')).toMatchObject({
      id: 1,
      chain_id: 271,
      configs: './chains/era/configs/',
      rocks_db_path: './chains/era/db/',
      artifacts_path: './chains/era/artifacts/',
      l1_batch_commit_data_generator_mode: 'Rollup',
      base_token: { address: chain.baseToken.address, nominator: 1, denominator: 1 },
      vm_option: 'EraVM',
    });
  });

  test('private keys are for the owner only', async () => {
    await create();
    expect(await modeOf('configs', 'wallets.yaml')).toBe(0o600);
    expect(await modeOf('chains', 'era', 'configs', 'wallets.yaml')).toBe(0o600);
  });

  test('localhost wallets are those of the test mnemonic', async () => {
    await create();
    const wallets = (await yaml('configs', 'wallets.yaml')) as { deployer?: { address: string } };
    expect(wallets.deployer?.address).toBe('0x36615cf349d7f6344891b1e7ca7c72883f5dc049');
  });

  test('a folder that is not empty is left alone', async () => {
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  test('another ecosystem cannot be made inside one', async () => {
    await create();
    await expect(create({ name: 'other', parent: join(dir, 'eco', 'chains') })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining('is an ecosystem already'),
    });
  });

  test('an L1 that is not ours is refused', async () => {
    await expect(create({ l1Network: 'sepolia' })).rejects.toMatchObject({ code: 'UNSAFE' });
  });

  test('the ecosystem is found from a folder below it', async () => {
    await create();
    expect((await openEcosystem(context(join(dir, 'eco', 'chains', 'era')))).name).toBe('eco');
  });
});

describe('chain create', () => {
  test('chain ids go on, and a clash is refused', async () => {
    const { ecosystem } = await create();
    const second = await createChain(ecosystem, { ...chain, name: 'second', setAsDefault: false });
    expect(second).toMatchObject({ id: 2, chainId: 272 });
    await expect(createChain(ecosystem, { ...chain, name: 'third', chainId: 272 })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining("chain id 272 ('second')"),
    });
  });

  test('a chain that is not there is answered with those that are', async () => {
    const { ecosystem } = await create();
    await expect(openChain(ecosystem, 'nope')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('(chains: era)'),
      hint: 'devkit chain create --chain-name nope',
    });
  });
});

describe('config files', () => {
  test('a prover chain sends real proofs only, and its gateway is found by the core', async () => {
    const { ctx, ecosystem } = await create();
    await ensureChainConfigs(ctx, ecosystem, await openChain(ecosystem));
    const general = await yaml('chains', 'era', 'configs', 'general.yaml');
    const { prover_gateway, data_handler, eth } = general as unknown as {
      prover_gateway: { port: number };
      data_handler: { gateway_api_url: string };
      eth: { sender: { proof_sending_mode: string } };
    };
    expect(eth.sender.proof_sending_mode).toBe('ONLY_REAL_PROOFS');
    expect(data_handler.gateway_api_url).toBe(`http://127.0.0.1:${prover_gateway.port}`);
    expect(await modeOf('chains', 'era', 'configs', 'secrets.yaml')).toBe(0o600);
  });

  test('database names are those of upstream', async () => {
    const { ctx, ecosystem } = await create();
    await ensureChainConfigs(ctx, ecosystem, await openChain(ecosystem));
    const { database } = (await yaml('chains', 'era', 'configs', 'secrets.yaml')) as unknown as {
      database: Record<string, string>;
    };
    expect(database['server_url']).toMatch(
      /^postgres:\/\/postgres:notsecurepassword@localhost:\d+\/zksync_server_localhost_era$/,
    );
    expect(database['prover_url']).toMatch(/\/zksync_prover_localhost_era$/);
  });

  test('the second chain has other ports', async () => {
    const { ctx, ecosystem } = await create();
    await createChain(ecosystem, { ...chain, name: 'second', setAsDefault: false });
    for (const name of ['era', 'second']) await ensureChainConfigs(ctx, ecosystem, await openChain(ecosystem, name));
    const port = async (name: string): Promise<number> => {
      const general = (await yaml('chains', name, 'configs', 'general.yaml')) as unknown as {
        api: { web3_json_rpc: { http_port: number } };
      };
      return general.api.web3_json_rpc.http_port;
    };
    expect(((await port('second')) - (await port('era'))) % 100).toBe(0);
    expect(await port('second')).toBeGreaterThan(await port('era'));
  });

  test('files that are there are not overwritten', async () => {
    const { ctx, ecosystem } = await create();
    const era = await openChain(ecosystem);
    await ensureChainConfigs(ctx, ecosystem, era);
    await editYaml(era.paths.general, { 'state_keeper.block_commit_deadline_ms': 1234 });
    await ensureChainConfigs(ctx, ecosystem, era);
    expect(await yaml('chains', 'era', 'configs', 'general.yaml')).toMatchObject({
      state_keeper: { block_commit_deadline_ms: 1234 },
    });
  });
});

describe('editing YAML', () => {
  test('keeps comments, order and keys it does not know', async () => {
    const file = join(dir, 'a.yaml');
    await writeFile(file, '# top\nmine: 1 # why\nsection:\n  other: x\nempty:\n');
    await editYaml(file, { 'section.added': 2, 'empty.deep.value': 'y' });
    expect(await readFile(file, 'utf8')).toBe(
      '# top\nmine: 1 # why\nsection:\n  other: x\n  added: 2\nempty:\n  deep:\n    value: y\n',
    );
  });

  test('hex stays text for every reader', async () => {
    const file = join(dir, 'a.yaml');
    await writeFile(file, 'old: 0x00ab\nkey: null\n');
    await editYaml(file, { key: '0x01' });
    expect(await readFile(file, 'utf8')).toBe('old: 0x00ab\nkey: "0x01"\n');
  });

  test('a file that is no YAML is named with the place', async () => {
    const file = join(dir, 'a.yaml');
    await writeFile(file, 'a: [1,\n');
    await expect(editYaml(file, {})).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/a\.yaml: .* at line 2, column 1/),
    });
  });
});

test('URLs move together with the ports they name', async () => {
  const general = await readTemplate('general.yaml');
  const from = portsOf(general);
  movePorts(general, from, Object.fromEntries(Object.entries(from).map(([path, port]) => [path, port + 200])));
  expect(general.toJS()).toMatchObject({
    api: { web3_json_rpc: { http_port: 3250, http_url: 'http://127.0.0.1:3250', ws_url: 'ws://127.0.0.1:3251' } },
    devkit: { l2_rpc_port: 3260, l2_rpc_url: 'http://127.0.0.1:3260' },
    prometheus: { pushgateway_url: 'http://127.0.0.1:9091' },
  });
});

test.each([
  ['My Chain!', 'my_chain'],
  ['  a--b ', 'a_b'],
])('the name "%s" becomes %s', (given, slug) => {
  expect(slugify(given)).toBe(slug);
});

describe('commands without an ecosystem say how to make one', () => {
  test.each(['chain init', 'prover init --dev', 'dev prover info', 'keys list', 'chain create'])('%s', async (line) => {
    const { exitCode, stderr } = await devkit(line, { cwd: dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`error: there is no ecosystem in ${dir}`);
    expect(stderr).toContain('→ devkit ecosystem create');
  });
});
