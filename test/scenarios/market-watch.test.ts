/** Following orders from the command line until nothing more happens to them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Market, openMarketFolder, STATEMENT } from '../fixtures/market.ts';
import type { Terminal } from '../fixtures/terminal.ts';

let market: Market;

beforeAll(async () => {
  market = await openMarketFolder('market-watch', 'process');
  await market.up();
});
afterAll(() => market[Symbol.asyncDispose]());

/** What the lines say became of an order, one after the other; that a proof is being verified is seen by chance. */
const statesOf = (stdout: string, order: string): string[] =>
  stdout
    .split('\n')
    .flatMap((line) => new RegExp(`^\\d\\d:\\d\\d:\\d\\d ${order} of .*, cost [\\d.]+: (.*)$`).exec(line)?.[1] ?? [])
    .filter((state) => !state.includes('proof is being verified'));

test('an order that nobody has is a usage error that names the lists', async () => {
  const { code, stderr } = await market.run('market', 'watch', '4711');
  expect([code, stderr]).toEqual([2, expect.stringContaining('4711')]);
  expect(stderr).toContain('devkit market bid get');
});

test('a bid that leaves the book when its wait period is over: withdrawn, exit code 5', async () => {
  const { _key } = await market.newBid('--wait-period', '0.05');
  const { code, stdout } = await market.run('market', 'watch', _key);
  expect(statesOf(stdout, `bid ${_key}`).at(-1)).toBe('withdrawn');
  expect(code).toBe(5);
});

describe('a bid that a producer proves', () => {
  let bid: string;
  let lines: Terminal;
  let json: Terminal;
  let all: Terminal;
  let producer: Terminal;

  beforeAll(async () => {
    bid = (await market.newBid())._key;
    lines = market.terminal('market', 'watch', bid);
    json = market.terminal('market', 'watch', bid, '--json', '--interval', '100ms');
    all = market.terminal('market', 'watch');
    for (const terminal of [lines, json, all]) await terminal.says(/created/);
    producer = market.terminal('market', 'producer', 'run', '--name', 'erin');
  });

  test('lines say created, processing, completed, each with its counterpart; exit code 0', async () => {
    const { code, stdout } = await lines.ended;
    const states = statesOf(stdout, `bid ${bid}`);
    const [, ask] = /^processing, with ask (\d+) of erin/.exec(states[1] ?? '') ?? [];
    expect(states).toEqual([
      'created',
      expect.stringMatching(new RegExp(`^processing, with ask ${ask} of erin, due \\d\\d:\\d\\d:\\d\\d$`)),
      expect.stringMatching(new RegExp(`^completed, with ask ${ask} of erin, proof \\d+, made in [\\d.]+ s$`)),
    ]);
    expect(statesOf(stdout, `ask ${ask}`)).toEqual([
      `processing, with bid ${bid} of requester`,
      expect.stringMatching(new RegExp(`^completed, with bid ${bid} of requester, proof \\d+, made in [\\d.]+ s$`)),
    ]);
    expect(code).toBe(0);
  });

  test('NDJSON has the fields of the job model, and ends with the outcome done', async () => {
    const { code, stdout } = await json.ended;
    const ticks = ticksOf(stdout);
    expect(new Set(ticks.flatMap(({ state }) => (state === 'verifying' ? [] : [state])))).toEqual(
      new Set(['created', 'processing', 'completed']),
    );
    expect(ticks.filter(({ outcome }) => outcome !== undefined)).toEqual([ticks.at(-1)]);
    expect([ticks.at(-1)?.outcome, code]).toEqual(['done', 0]);
    const bidsWhen = (state: string) => ticks.find((tick) => tick.state === state)?.groups[0];
    // failed: the bid of the test before
    expect(bidsWhen('created')).toEqual(groupOf('bids', { queued: 1, failed: 1 }));
    expect(bidsWhen('processing')).toEqual(groupOf('bids', { inProgress: 1, failed: 1 }));
    expect(bidsWhen('completed')).toEqual(groupOf('bids', { successful: 1, failed: 1 }));
    expect(ticks.at(-1)?.groups[1]).toMatchObject({ stage: 'asks', successful: 1, inProgress: 0 });
  });

  test('NDJSON has the order and its counterpart, with their proof', async () => {
    const [first, ...others] = ticksOf((await json.ended).stdout);
    expect(first?.orders).toMatchObject([{ key: bid, side: 'bid', status: 'created', counterpart: null }]);
    const [own, other] = others.at(-1)!.orders;
    const done = { status: 'completed', proofKey: expect.stringMatching(/^\d+$/) };
    expect(own).toMatchObject({ ...done, key: bid, side: 'bid', counterpart: other!.key, counterpartSender: 'erin' });
    expect(other).toMatchObject({ ...done, side: 'ask', counterpart: bid, counterpartSender: 'requester' });
    expect(other!.proofKey).toBe(own!.proofKey);
  });

  test('without a key all orders are followed, until Ctrl-C', async () => {
    await all.says(new RegExp(`bid ${bid} of requester.*: completed, with ask \\d+ of erin`));
    for (const terminal of [all, producer]) {
      terminal.kill('SIGINT');
      expect((await terminal.ended).code).toBe(130);
    }
  });
});

interface Tick {
  state: string;
  outcome?: string;
  groups: { stage: string }[];
  orders: { key: string; proofKey: string | null }[];
}

const ticksOf = (stdout: string): Tick[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Tick);

const groupOf = (stage: 'bids' | 'asks', counts: Record<string, number>) => ({
  stage,
  kind: `${STATEMENT} arithmetic-example`,
  ...{ queued: 0, waiting: 0, inProgress: 0, successful: 0, failed: 0 },
  ...counts,
});
