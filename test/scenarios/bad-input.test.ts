/** What cannot be done is refused with one line that says what, where and what next; afterwards everything still works. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BatchListResult, ProveResult, QuickstartResult } from '../../cli/services/inputs.ts';
import { poll } from '../../lib/deadline.ts';
import { decodeCbor, encodeCbor } from '../../systems/zksync/protocol/wire/cbor.ts';
import { devkit, devkitJson, tempWorkspace } from '../fixtures/devkit.ts';
import { queryProver } from '../fixtures/prover-rows.ts';

const HASH = `0x${'11'.repeat(32)}`;

let workspace: Awaited<ReturnType<typeof tempWorkspace>>;
let ecosystem: string;
let env: Record<string, string>;
/** Final proof and witness input of batch 1. */
let proof: Uint8Array;
let witness: Uint8Array;

interface Refusal {
  code: number | null;
  /** What stands after `error: `. */
  error: string | undefined;
  /** What stands after the arrow. */
  hint: string | undefined;
}

const json = <T>(...args: string[]) => devkitJson<T>(args, { cwd: workspace.dir });

async function refused(...args: string[]): Promise<Refusal> {
  const { code, stderr } = await devkit(args, { cwd: workspace.dir });
  const errors = stderr.split('\n').filter((line) => line.startsWith('error: '));
  expect(errors, stderr).toHaveLength(1);
  return { code, error: errors[0]?.slice('error: '.length), hint: /^→ (.*)$/m.exec(stderr)?.[1] };
}

const configFile = (name: string): string => join(ecosystem, 'chains/era/configs', name);
const witnessFile = (batch: number): string =>
  join(ecosystem, `prover/artifacts/witness_inputs/witness_inputs_${batch}.cbor`);

/** The witness input of batch 1, changed; its numbers say that it is batch `number`. */
function renumbered(number: number, change: (run: Record<string, unknown>) => void = () => undefined): Uint8Array {
  const input = decodeCbor(witness, 'witness input') as { vm_run_data: Record<string, unknown> };
  const run = input.vm_run_data;
  run['l1_batch_number'] = number;
  (run['devkit'] as Record<string, unknown>)['batch_number'] = number;
  change(run);
  return encodeCbor(input);
}

/** Changes a file for the time of `work`. */
async function withFile(path: string, change: (content: Buffer) => Uint8Array, work: () => Promise<void>) {
  const before = await readFile(path);
  await writeFile(path, change(Buffer.from(before)));
  try {
    await work();
  } finally {
    await writeFile(path, before);
  }
}

beforeAll(async () => {
  workspace = await tempWorkspace('bad-input');
  const { proofFile } = await json<QuickstartResult>('quickstart', '--slots', '2', '--messages', '1');
  proof = readFileSync(proofFile);
  env = (await json<{ variables: Record<string, string> }>('env')).variables;
  ecosystem = env['ECOSYSTEM_DIR']!;
  witness = new Uint8Array(await (await fetch(`${env['PROOF_API_URL']}/proof_generation_data/1`)).arrayBuffer());
});
afterAll(() => workspace[Symbol.asyncDispose]());

describe('rows', () => {
  test.each([
    ['a version that is not 0.x.y', 'insert-version --version 1.2.3 --snark-wrapper=0x11', '--version 1.2.3'],
    ['a hash that has not 32 bytes', 'insert-version --version 0.31.0 --snark-wrapper=0x11', 'a hash of 32 bytes'],
    ['a batch before its version', 'insert-batch --number 7 --version 0.29.0', '0.29.0 is not in the prover database'],
    ['a batch of the chain', 'insert-batch --number 1 --default', 'batch 1 is in the prover database already'],
  ])('%s is refused', async (_what, line, text) => {
    const refusal = await refused('dev', 'prover', ...line.split(' '));
    expect(refusal).toMatchObject({ code: 2, error: expect.stringContaining(text) });
    expect(refusal.hint).toBeTruthy();
  });

  test('a batch under a version that no component works on is not waited for', async () => {
    await json('dev', 'prover', 'insert-version', '--version', '0.30.0', '--snark-wrapper', HASH);
    await json('dev', 'prover', 'insert-batch', '--number', '20', '--version', '0.30.0');
    const { code, error } = await refused('prove', '--batch', '20');
    expect([code, error]).toEqual([2, expect.stringContaining('inserted under protocol version 0.30.0')]);
  });
});

test('a wrapper proof that the reference compressor cannot make is refused', async () => {
  const { code, error } = await refused('prover', 'run', '--component=compressor', '--mode=fflonk');
  expect([code, error]).toEqual([2, expect.stringContaining('there is no FFLONK one')]);
});

describe('a batch whose witness file cannot be used', () => {
  const withoutRecords = (run: Record<string, unknown>): void => {
    delete run['devkit'];
  };
  const cases: [string, number, () => Uint8Array | undefined, string][] = [
    ['missing', 7, () => undefined, 'there is no witness_inputs_7.cbor in '],
    ['truncated', 8, () => witness.subarray(0, 5000), 'witness_inputs_8.cbor: not CBOR'],
    ['of another batch', 9, () => witness, 'witness_inputs_9.cbor: it is the witness input of batch 1, not of batch 9'],
    ['made by EraVM', 10, () => renumbered(10, withoutRecords), 'executed by EraVM: use --variant upstream'],
  ];

  test.each(cases)('%s: prove names the job and the reason, and the row has it', async (_what, batch, file, text) => {
    const content = file();
    if (content !== undefined) await writeFile(witnessFile(batch), content);
    await json('dev', 'prover', 'insert-batch', '--default', '--number', String(batch));
    const { code, error, hint } = await refused('prove', '--batch', String(batch));
    expect(code).toBe(5);
    expect(error).toMatch(new RegExp(`^batch ${batch}: basic witness job failed: `));
    expect(error).toContain(text);
    expect(hint).toContain(`devkit prove --batch ${batch}`);
    const sql = 'SELECT status, error FROM witness_inputs_fri WHERE l1_batch_number = $1';
    const rows = await queryProver(env['DATABASE_PROVER_URL']!, sql, [batch]);
    expect(rows).toEqual([{ status: 'failed', error: expect.stringContaining(text) }]);
  });

  test('is proven by the same command once the right file is there; its proof is not one of another batch', async () => {
    await writeFile(witnessFile(9), renumbered(9));
    const receipt = await json<ProveResult>('prove', '--batch', '9');
    expect(receipt).toMatchObject({ verdict: 'accepted', batch: 9 });
    const { code, stdout } = await devkit(['verify-batch', '1', '--proof', receipt.proofFile], { cwd: workspace.dir });
    expect([code, stdout]).toEqual([7, expect.stringContaining('rejected')]);
  });
});

describe('POST /verify_proof', () => {
  const NO_FILE =
    'Invalid file: File not found in request. It was expected to be in the field proof with the content type application/octet-stream';
  const OCTETS = 'application/octet-stream';

  async function upload(batch: number, bytes: Uint8Array, part: { field?: string; type?: string } = {}) {
    const form = new FormData();
    const blob = new Blob([new Uint8Array(bytes)], { type: part.type ?? OCTETS });
    form.append(part.field ?? 'proof', blob, 'proof.cbor');
    const answer = await fetch(`${env['PROOF_API_URL']}/verify_proof/${batch}`, { method: 'POST', body: form });
    return [answer.status, await answer.text()];
  }

  test('answers as the interface says', async () => {
    expect(await upload(1, proof)).toEqual([200, '']);
    expect(await upload(1, new Uint8Array())).toEqual([400, NO_FILE]);
    expect(await upload(1, proof, { field: 'file' })).toEqual([400, NO_FILE]);
    expect(await upload(1, proof, { type: 'text/plain' })).toEqual([400, NO_FILE]);
    expect(await upload(1, proof.subarray(1))).toEqual([400, 'Processor error: Failed to deserialize proof data']);
    const tooLarge = await upload(1, new Uint8Array(3 * 2 ** 20));
    expect(tooLarge).toEqual([400, expect.stringMatching(/^Invalid file: Multipart error: /)]);
    expect(await upload(99, proof)).toEqual([500, expect.stringMatching(/^GCS error: key not found: /)]);
  });
});

describe('files of the devnet', () => {
  test('a damaged key is named, and made again by the command that is named', async () => {
    const path = join(ecosystem, 'prover/data/keys/verification_basic_1_key.json');
    const content = await readFile(path);
    content[content.length >> 1]! ^= 1;
    await writeFile(path, content);
    const { code, error, hint } = await refused('up');
    expect([code, error]).toEqual([
      2,
      expect.stringContaining('verification_basic_1_key.json: the key of vm is damaged'),
    ]);
    expect((await devkit(hint!.split(' ').slice(1), { cwd: workspace.dir })).code).toBe(0);
    await json('up');
  });

  test('a configuration file that is no YAML is named with line and column', async () => {
    const path = configFile('general.yaml');
    await withFile(
      path,
      (content) => Buffer.concat([content, Buffer.from('oops: [\n')]),
      async () => {
        const { code, error } = await refused('up');
        expect(code).toBe(2);
        expect(error).toMatch(/general\.yaml: not YAML: .* at line \d+, column \d+$/);
      },
    );
  });

  test('an L1 that is not ours is refused', async () => {
    const other = (url: string) => (content: Buffer) =>
      Buffer.from(content.toString().replace(/l1_rpc_url: .*/, `l1_rpc_url: ${url}`));
    await withFile(configFile('secrets.yaml'), other(env['L2_RPC_URL']!), async () => {
      expect(await refused('up')).toMatchObject({ code: 2, error: expect.stringContaining('has chain id 271') });
    });
    await withFile(configFile('secrets.yaml'), other('http://192.0.2.1:8545'), async () => {
      expect(await refused('up')).toMatchObject({ code: 2, error: expect.stringContaining('is not on this machine') });
    });
  });

  test('a devnet name that is in use is refused', async () => {
    const { code, error, hint } = await refused('quickstart', '--aggregation', 'recursive');
    expect([code, error]).toEqual([2, expect.stringContaining("devnet 'default' is there already")]);
    expect(hint).toContain('--devnet default-recursive');
  });
});

describe('after down', () => {
  test('a component that cannot use its configuration is not started again and again: its reason is the error', async () => {
    await json('down');
    await withFile(
      configFile('general.yaml'),
      (content) => Buffer.from(content.toString().replace('crs: dev', 'crs: /nowhere')),
      async () => {
        const { code, error } = await refused('prove', '--batch', '1');
        expect(code).toBe(4);
        expect(error).toMatch(/^[\w-]+ cannot start: .*\/nowhere/);
      },
    );
    await json('down');
  });

  test('a port that is taken is named with its holder', async () => {
    const port = Number(new URL(env['PROVER_GATEWAY_URL']!).port);
    await using server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const { code, error } = await refused('up');
    expect([code, error]).toEqual([2, expect.stringContaining(`port ${port} (gateway http) is in use by `)]);
    expect(error).toContain(`(pid ${process.pid})`);
    await json('down');
  });

  test('commands that need the server or the database say so', async () => {
    expect(await refused('batch', 'seal')).toMatchObject({ code: 4, hint: 'devkit up' });
    expect(await refused('tx', 'send')).toMatchObject({ code: 4, hint: 'devkit up' });
    expect((await refused('verify-batch', '1')).code).toBe(4);
  });

  test('an L1 that lost its state is noticed; the command that is named puts every batch on it again', async () => {
    await rm(join(workspace.dir, '.devkit/devnets/default/data/l1'), { recursive: true });
    const { code, error, hint } = await refused('up');
    expect([code, error]).toEqual([2, expect.stringContaining('there is no rollup contract at 0x')]);
    const [command] = /(?<=^devkit ).*(?= {3}\()/.exec(hint!)!;
    expect((await devkit(command!.split(' '), { cwd: workspace.dir })).code).toBe(0);
    await json('up');
    await json('tx', 'send', '--slots', '2', '--messages', '1', '--transfers', '0');
    expect(await json<ProveResult>('prove')).toMatchObject({ verdict: 'accepted', batch: 2 });
    const states = async () => (await json<BatchListResult>('batch', 'list')).batches.map(({ state }) => state);
    const signal = AbortSignal.timeout(60_000);
    const all = async () => ((await states()).every((state) => state === 'executed') ? true : undefined);
    expect(await poll(all, { intervalMs: 500, signal })).toBe(true);
  });
});
