/** The main job as its user runs it: quickstart, further batches, bad proofs, everything down again. Linked aggregation. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openServiceContext } from '../../cli/services/context.ts';
import { openDevnet } from '../../cli/services/devnet.ts';
import type {
  BatchListResult,
  BatchSealResult,
  ProveResult,
  QuickstartResult,
  VerifyResult,
} from '../../cli/services/inputs.ts';
import { bundleCheck, expectedOf, openVerifier } from '../../cli/services/verify.ts';
import { devkit, devkitJson, tempWorkspace } from '../fixtures/devkit.ts';
import { RUNTIMES } from '../fixtures/runtimes.ts';

describe.each(RUNTIMES)('runtime %s', (runtime) => {
  const env = { DEVKIT_RUNTIME: runtime };
  let workspace: Awaited<ReturnType<typeof tempWorkspace>>;
  let first: QuickstartResult;
  const run = (...args: string[]) => devkit(args, { cwd: workspace.dir, env });
  const json = <T>(...args: string[]) => devkitJson<T>(args, { cwd: workspace.dir, env });

  beforeAll(async () => {
    workspace = await tempWorkspace(`linked-${runtime}`);
    first = await json<QuickstartResult>('quickstart');
  });
  afterAll(() => workspace[Symbol.asyncDispose]());

  describe('quickstart', () => {
    test('ends with an accepted batch, executed on L1, and says what each verifier attests', () => {
      expect(first.verdict).toBe('accepted');
      expect(first.executedOnL1).toBe(true);
      expect(first.checks.map(({ verifier, attests, verdict }) => ({ verifier, attests, verdict }))).toEqual([
        { verifier: 'bundle', attests: 'batch', verdict: 'accepted' },
        { verifier: 'api', attests: 'batch', verdict: 'accepted' },
        { verifier: 'l1', attests: 'links', verdict: 'accepted' },
      ]);
    });

    test('rejected every damaged copy', () => {
      expect(first.badCopies).toHaveLength(4);
      for (const copy of first.badCopies) expect(copy.verdict, copy.name).toBe('rejected');
    });

    test('proved a batch of at least 32 slots with messages, and moved the root', () => {
      expect(first.records).toBeGreaterThan(32);
      expect(first.messages).toBeGreaterThan(0);
      expect(first.newRoot).not.toBe(first.oldRoot);
    });

    test('leaves a receipt beside the proof that names variant, aggregation, CRS and programs', async () => {
      const receipt = JSON.parse(await readFile(first.receiptFile, 'utf8')) as Record<string, unknown>;
      expect(receipt).toMatchObject({ variant: 'reference', aggregation: 'linked', crs: 'dev-1', verdict: 'accepted' });
      expect(receipt['programs']).toMatchObject({ bb: 'bb 5.0.0, dev G2' });
    });

    test('repeated, proves a new batch on the same devnet', async () => {
      const second = await json<QuickstartResult>('quickstart');
      expect(second.batch).toBe(first.batch + 1);
      expect(second.oldRoot).toBe(first.newRoot);
      expect(second.verdict).toBe('accepted');
    });
  });

  describe('verify-batch', () => {
    const proofOf = (batch: number): string => first.proofFile.replace(/l1_batch_proof_\d+/, `l1_batch_proof_${batch}`);

    test('accepts the stored proof', async () => {
      const result = await json<VerifyResult>('verify-batch', String(first.batch));
      expect(result.verdict).toBe('accepted');
    });

    test('rejects the proof of another batch with exit code 7', async () => {
      const { code, stdout } = await run(
        'verify-batch',
        String(first.batch),
        '--proof',
        proofOf(first.batch + 1),
        '--json',
      );
      expect(code).toBe(7);
      expect((JSON.parse(stdout) as VerifyResult).checks[0]).toMatchObject({
        verifier: 'bundle',
        verdict: 'rejected',
        reason: expect.stringContaining('of another batch'),
      });
    });

    test('rejects a truncated and an empty file with exit code 7', async () => {
      const bytes = await readFile(first.proofFile);
      for (const [name, content] of [
        ['truncated', bytes.subarray(0, bytes.length / 2)],
        ['empty', Buffer.alloc(0)],
      ] as const) {
        const path = join(workspace.dir, `${name}.cbor`);
        await writeFile(path, content);
        expect((await run('verify-batch', String(first.batch), '--proof', path)).code, name).toBe(7);
      }
    });

    test('a missing file and an unknown batch are usage errors', async () => {
      const missing = await run('verify-batch', '1', '--proof', 'nowhere.cbor');
      expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('nowhere.cbor')]);
      const unknown = await run('verify-batch', '4711');
      expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('4711')]);
    });
  });

  describe('further batches', () => {
    test('without transactions nothing is sealed', async () => {
      const { code, stderr } = await run('batch', 'seal');
      expect(code).toBe(2);
      expect(stderr).toContain('devkit tx send');
    });

    test('tx send, batch seal, batch list, prove: the smallest batch, where every single byte of the proof counts', async () => {
      await json('tx', 'send', '--slots', '2', '--messages', '1', '--transfers', '0');
      const { batch } = await json<BatchSealResult>('batch', 'seal');
      const proven = await json<ProveResult>('prove', '--batch', String(batch.number));
      expect(proven).toMatchObject({ batch: batch.number, verdict: 'accepted' });
      const { batches } = await json<BatchListResult>('batch', 'list');
      expect(batches.map(({ number }) => number)).toEqual([batch.number, batch.number - 1, batch.number - 2]);

      const ctx = openServiceContext({
        cwd: workspace.dir,
        emit: () => undefined,
        signal: AbortSignal.timeout(600_000),
      });
      const devnet = await openDevnet(ctx);
      using verifier = await openVerifier(devnet, ctx.signal);
      const expected = await expectedOf(devnet, batch.number);
      const bytes = await readFile(proven.proofFile);
      expect((await bundleCheck(verifier, expected, bytes, ctx.signal)).verdict).toBe('accepted');
      const accepted: string[] = [];
      // what checks the proof is the same in both runtimes
      const flips = runtime === 'process' ? 200 : 20;
      for (let i = 0; i < flips; i++) {
        const copy = Uint8Array.from(bytes);
        const at = Math.floor(Math.random() * copy.length);
        const bit = 1 << Math.floor(Math.random() * 8);
        copy[at] = copy[at]! ^ bit;
        if ((await bundleCheck(verifier, expected, copy, ctx.signal)).verdict === 'accepted')
          accepted.push(`byte ${at}, bit ${bit}`);
      }
      expect(accepted).toEqual([]);
    });

    test('proving a proven batch again verifies it and proves nothing twice', async () => {
      const again = await json<ProveResult>('prove', '--batch', String(first.batch));
      expect(again).toMatchObject({ batch: first.batch, verdict: 'accepted' });
    });
  });

  describe('the devnet', () => {
    test('tells what runs, where it is, and which keys it has', async () => {
      const status = await json<{ components: { id: string; state: string }[] }>('status');
      expect(status.components.filter(({ state }) => state !== 'running')).toEqual([]);
      expect(status.components.map(({ id }) => id)).toEqual(
        expect.arrayContaining(['postgres', 'l1', 'l2', 'server', 'circuit-prover']),
      );
      expect((await run('env')).stdout).toContain('postgres://');
      expect((await json<{ keyset: string }>('keys', 'list')).keyset).toBe(first.keyHashes['keyset']);
      expect((await run('logs', 'server')).stdout).not.toBe('');
    });

    test('refuses a second kind of devnet under the same name', async () => {
      const { code, stderr } = await run('quickstart', '--aggregation', 'recursive');
      expect([code, stderr]).toEqual([2, expect.stringContaining('is there already')]);
    });

    test('down stops everything and up brings it back with its batches', async () => {
      expect((await run('down')).code).toBe(0);
      const status = await json<{ components: { state: string }[] }>('status');
      expect(status.components.filter(({ state }) => state === 'running')).toEqual([]);
      await json('up');
      expect((await json<VerifyResult>('verify-batch', String(first.batch))).verdict).toBe('accepted');
    });

    test('down --all removes its data and nothing of it runs on', async () => {
      expect((await run('down', '--all', '--yes')).code).toBe(0);
      expect(existsSync(join(workspace.dir, '.devkit'))).toBe(false);
    });
  });
});
