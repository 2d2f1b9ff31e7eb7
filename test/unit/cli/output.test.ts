import { expect, test, vi } from 'vitest';
import type { JobGroup } from '../../../cli/core/types.ts';
import type { Io } from '../../../cli/output/io.ts';
import { jobSummary, stageCounts } from '../../../cli/output/jobs.ts';
import { readableLogLine } from '../../../cli/output/log-line.ts';
import { openProgress } from '../../../cli/output/progress.ts';
import { table } from '../../../cli/output/table.ts';

const group = (stage: string, counts: Partial<JobGroup>): JobGroup => ({
  stage,
  kind: '',
  queued: 0,
  waiting: 0,
  inProgress: 0,
  successful: 0,
  failed: 0,
  ...counts,
});

test('before the first stage is planned nothing is counted', () => {
  expect(jobSummary([])).toBe('waiting for its jobs');
  expect(jobSummary([group('basic circuits witness', { inProgress: 1 })])).toBe('now basic circuits: making inputs');
});

test('witness jobs stand for the proofs that are still to come, and the last stage for one', () => {
  const groups = [
    group('basic circuits witness', { successful: 1 }),
    group('basic circuits', { successful: 5, inProgress: 2, queued: 3 }),
    group('leaf aggregation witness', { successful: 2, waiting: 2 }),
    group('leaf aggregation', { successful: 1, queued: 1 }),
    group('scheduler witness', { waiting: 1 }),
  ];
  expect(jobSummary(groups)).toBe('6/16 proofs, now basic circuits 5/10, leaf aggregation 1/4');
  expect(stageCounts(groups).map(({ name, state }) => [name, state])).toEqual([
    ['basic circuits', 'running'],
    ['leaf aggregation', 'running'],
    ['scheduler', 'waiting'],
    ['compression', 'waiting'],
  ]);
});

test('failed jobs are named with their stage', () => {
  const groups = [
    group('basic circuits witness', { successful: 1 }),
    group('basic circuits', { failed: 1, queued: 1 }),
  ];
  expect(jobSummary(groups)).toContain('basic circuits 0/2 (1 failed)');
});

test('off a terminal job counts are printed at most once a second, the newest last', () => {
  vi.useFakeTimers();
  try {
    let text = '';
    const io = { stderr: (more: string) => (text += more), stderrIsTty: false } as unknown as Io;
    const progress = openProgress(io, { json: false, quiet: false, verbose: false, color: false, logs: false });
    const jobs = (done: number): void =>
      progress.emit({ type: 'job.progress', batch: 3, groups: [group('a', { successful: done, queued: 9 - done })] });
    for (let done = 0; done < 9; done++) jobs(done);
    expect(text.split('\n')).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    expect(text).toBe('proving batch 3: 0/10 proofs, now a 0/9\nproving batch 3: 8/10 proofs, now a 8/9\n');
    jobs(9);
    progress.emit({ type: 'step.done', step: 'prove', title: 'prove batch 3', durationMs: 1500 });
    vi.advanceTimersByTime(1000);
    expect(text.split('\n').slice(2)).toEqual(['✔ prove batch 3 (1.5 s)', '']);
  } finally {
    vi.useRealTimers();
  }
});

test('log lines of components: time, level, text, the rest as key=value, durations for people', () => {
  const line = JSON.stringify({
    level: 30,
    time: Date.UTC(2026, 0, 1, 10, 20, 30, 5),
    pod: 'p',
    job: 'prover 3',
    circuitId: null,
    names: ['a', 'b'],
    ms: 2345,
    msg: 'done',
  });
  expect(readableLogLine(line)).toBe('10:20:30.005 INFO  done job=prover 3 names=a,b (2.3 s)');
  expect(readableLogLine('LOG:  not ours')).toBe('LOG:  not ours');
});

test('colours take no room in a table', () => {
  expect(
    table([
      ['\u001b[2mname\u001b[22m', 'x'],
      ['longer', 'y'],
    ]),
  ).toEqual(['\u001b[2mname\u001b[22m    x', 'longer  y']);
});
