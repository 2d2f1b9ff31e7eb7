/** Gathering for the preflight: a real prover database, key files, an L1 that answers eth_call, images that say who they are. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import type { ServiceContext } from '../../../cli/services/context.ts';
import { gatherPreflight, type PreflightInput, preflight, requirePreflight } from '../../../cli/services/preflight.ts';
import { insertVersion } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';

const SNARK = '0xb2f50340e0edbe49dc657d4eb298e07f13860c1be0fe2e438e44ef8fad133d84';
const FFLONK = '0xc8cd705a0db89577146137de78eba6bd1f1c9c3f66dc52f7627e7c2df30895b2';
const OTHER = `0x${'12'.repeat(32)}`;
const VERIFIER = '0x00000000000000000000000000000000000000f1';
const ROLLUP = '0x00000000000000000000000000000000000000d1';
/** The call without an argument is a selector and nothing more. */
const SELECTOR_CHARS = '0x'.length + 8;

let postgres: TestPostgres;
let database: TestDatabase;
let dir: string;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'preflight-'));
  database = await postgres.proverDatabase();
  await mkdir(join(dir, 'keys'));
});
afterEach(async () => {
  await database[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** An L1 whose contracts have key hashes; what it does not know reverts. */
async function fakeL1(
  hashes: Readonly<Record<string, { snark: string; fflonk?: string }>>,
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { id, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
      id: number;
      params: [{ to: string; data: string }];
    };
    const [{ to, data }] = params;
    const found = hashes[to.toLowerCase()];
    const result = data.length === SELECTOR_CHARS ? found?.snark : found?.fflonk;
    const answer = result === undefined ? { error: { code: 3, message: 'execution reverted' } } : { result };
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function everything(rpcUrl: string | undefined): Promise<PreflightInput> {
  await writeFile(
    join(dir, 'keys', 'commitments.json'),
    JSON.stringify({ leaf: OTHER, node: OTHER, scheduler: OTHER, snark_wrapper: SNARK, fflonk_snark_wrapper: FFLONK }),
  );
  await insertVersion(database.pool, {
    version: { minor: 31, patch: 0 },
    snarkWrapperVkHash: BigInt(SNARK),
    fflonkSnarkWrapperVkHash: BigInt(FFLONK),
  });
  return {
    genesis: { file: 'genesis.yaml', version: '0.31.0' },
    keysDir: join(dir, 'keys'),
    proverUrl: database.url,
    l1: { rpcUrl, chainId: 9, addresses: [VERIFIER, ROLLUP], file: 'contracts.yaml' },
    components: [{ id: 'gateway', image: 'matterlabs/prover-fri-gateway:2.0-0.31.0-abc-1' }],
  };
}

test('all four agree', async () => {
  await using l1 = await fakeL1({ [VERIFIER]: { snark: SNARK, fflonk: FFLONK } });
  expect(await preflight(await everything(l1.url))).toEqual({ verdict: 'fits', findings: [], unknown: [] });
});

test('the verifier on L1 is of another release: it is named, by address', async () => {
  await using l1 = await fakeL1({ [VERIFIER]: { snark: OTHER, fflonk: FFLONK } });
  const { verdict, findings } = await preflight(await everything(l1.url));
  expect(verdict).toBe('differs');
  expect(findings.map(({ part }) => part)).toEqual(['l1']);
  expect(findings[0]?.message).toContain(`verificationKeyHash() of ${VERIFIER} has wrapper key hash ${OTHER}`);
});

test('a verifier without the call: the rollup is asked; without FFLONK nothing is compared of it', async () => {
  await using l1 = await fakeL1({ [ROLLUP]: { snark: SNARK } });
  const facts = await gatherPreflight(await everything(l1.url));
  expect(facts.l1).toEqual({ value: { snark: SNARK, fflonk: null }, where: `verificationKeyHash() of ${ROLLUP}` });
});

test('the key files are of another release', async () => {
  await using l1 = await fakeL1({ [VERIFIER]: { snark: SNARK, fflonk: FFLONK } });
  const input = await everything(l1.url);
  await writeFile(join(dir, 'keys', 'commitments.json'), JSON.stringify({ snark_wrapper: OTHER }));
  expect((await preflight(input)).findings.map(({ part }) => part)).toEqual(['commitments']);
});

test('an image says its version by label, by environment, or only by its tag', async () => {
  await using l1 = await fakeL1({ [VERIFIER]: { snark: SNARK, fflonk: FFLONK } });
  const looks = {
    'a:latest': { labels: { 'org.opencontainers.image.version': 'v0.30.2' }, env: [] },
    'b:latest': { labels: {}, env: ['PATH=/bin', 'PROVER_PROTOCOL_VERSION=0.29.0'] },
    'c:2.0-0.31.0-abc-1': { labels: { 'org.opencontainers.image.version': '22.04' }, env: [] },
    'd:latest': { labels: {}, env: [] },
  } as const;
  const input = {
    ...(await everything(l1.url)),
    components: [...Object.keys(looks), 'e:2.0-abc-1', undefined].map((image, i) => ({ id: `c${i}`, image })),
    inspectImage: async (reference: string) => looks[reference as keyof typeof looks],
  };
  const versions = (await gatherPreflight(input)).images.map(({ version }) =>
    'value' in version ? version.value : version.unknown,
  );
  expect(versions).toEqual([
    '0.30.2',
    '0.29.0',
    '0.31.0',
    'neither d:latest nor its tag says it',
    'neither e:2.0-abc-1 nor its tag says it',
    'a program does not say its protocol version',
  ]);
});

test('nothing there: every part is unknown, with the reason, and nothing differs', async () => {
  const input: PreflightInput = {
    genesis: { file: 'genesis.yaml', version: undefined },
    keysDir: join(dir, 'keys'),
    proverUrl: undefined,
    l1: { rpcUrl: 'http://127.0.0.1:1', chainId: 9, addresses: [VERIFIER], file: 'contracts.yaml' },
    components: [],
  };
  const { verdict, findings, unknown } = await preflight(input);
  expect({ verdict, findings }).toEqual({ verdict: 'unknown', findings: [] });
  expect(unknown).toHaveLength(4);
  expect(unknown.join('\n')).toContain(`there is no ${join(dir, 'keys')}/commitments.json`);
});

describe('before a start', () => {
  const notices: string[] = [];
  const emit = (event: DevkitEvent): void => {
    if (event.type === 'notice') notices.push(event.message);
  };
  const required = (input: PreflightInput) =>
    requirePreflight({ ctx: { emit, signal: new AbortController().signal } as ServiceContext }, input);
  beforeEach(() => {
    notices.length = 0;
  });

  test('what differs stops it, with what differs and what to do', async () => {
    await using l1 = await fakeL1({ [VERIFIER]: { snark: OTHER } });
    await expect(required(await everything(l1.url))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(VERIFIER),
      hint: expect.stringContaining('contracts on L1'),
    });
  });

  test('a missing row stops the witness generator, not the gateway, which inserts it', async () => {
    await using l1 = await fakeL1({ [VERIFIER]: { snark: SNARK, fflonk: FFLONK } });
    const input = await everything(l1.url);
    await database.pool.query('DELETE FROM prover_fri_protocol_versions');
    expect((await required(input)).findings.map(({ kind, part }) => [kind, part])).toEqual([['missing', 'row']]);
    expect(notices).toEqual([expect.stringContaining('protocol version 0.31.0 has no row')]);
    const components = [{ id: 'witness-generator', image: 'matterlabs/witness-generator:2.0-0.31.0-abc-1' }];
    await expect(required({ ...input, components })).rejects.toMatchObject({
      hint: `devkit dev prover insert-version --version 0.31.0 --snark-wrapper=${SNARK} --fflonk-snark-wrapper=${FFLONK}`,
    });
  });

  test('what is unknown is said, and does not stop it', async () => {
    const input = await everything(undefined);
    expect((await required(input)).verdict).toBe('unknown');
    expect(notices).toEqual(['not compared: hash on L1: secrets.yaml has no l1.l1_rpc_url']);
  });

  test("devkit's own keys are called that", async () => {
    const input = await everything(undefined);
    await writeFile(join(dir, 'keys', 'commitments.json'), JSON.stringify({ snark_wrapper: OTHER, keyset: OTHER }));
    await expect(required(input)).rejects.toMatchObject({
      message: expect.stringContaining("commitments.json (devkit's own keys)"),
    });
  });
});
