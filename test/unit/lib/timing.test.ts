import { expect, test } from 'vitest';
import { DeadlineError, poll, sleep } from '../../../lib/deadline.ts';
import { redactUrl } from '../../../lib/redact.ts';
import { retry } from '../../../lib/retry.ts';

const { signal } = new AbortController();

test('sleep rejects with the reason of an abort, before or during it', async () => {
  await expect(sleep(60_000, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  const controller = new AbortController();
  const waiting = sleep(60_000, controller.signal);
  controller.abort(new Error('during'));
  await expect(waiting).rejects.toThrow('during');
});

test('poll asks until there is an answer', async () => {
  let calls = 0;
  const answer = await poll(async () => (++calls < 3 ? undefined : calls), { intervalMs: 1, signal });
  expect(answer).toBe(3);
});

test('poll ends with DeadlineError', async () => {
  await expect(poll(async () => undefined, { intervalMs: 1, timeoutMs: 5, signal })).rejects.toThrow(DeadlineError);
});

test('poll passes on what the question throws', async () => {
  await expect(poll(() => Promise.reject(new Error('broken')), { intervalMs: 1, signal })).rejects.toThrow('broken');
});

test('retry gives up after the attempts, with the last error', async () => {
  let calls = 0;
  const fail = (): Promise<never> => Promise.reject(new Error(`attempt ${++calls}`));
  await expect(retry(fail, { attempts: 3, delayMs: 1, signal })).rejects.toThrow('attempt 3');
});

test('retry does not repeat what is not worth it', async () => {
  let calls = 0;
  const fail = (): Promise<never> => Promise.reject(new Error(`attempt ${++calls}`));
  await expect(retry(fail, { attempts: 3, delayMs: 1, retryIf: () => false, signal })).rejects.toThrow('attempt 1');
});

test('retry returns the first success', async () => {
  const value = await retry(
    async (attempt) => {
      if (attempt < 2) throw new Error('not yet');
      return attempt;
    },
    { attempts: 3, delayMs: 1, signal },
  );
  expect(value).toBe(2);
});

test('redactUrl hides passwords and secret-looking query values', () => {
  expect(redactUrl('postgres://postgres:p@ss/w@localhost:5432/db')).toBe('postgres://postgres:***@localhost:5432/db');
  expect(redactUrl('http://127.0.0.1:8545/?api_key=abc&x=1')).toBe('http://127.0.0.1:8545/?api_key=***&x=1');
  expect(redactUrl('http://127.0.0.1:3050')).toBe('http://127.0.0.1:3050');
});
