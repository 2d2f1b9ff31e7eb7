/** Producers in containers and beside them, in a market of containers and in one of processes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RuntimeName } from '../../cli/core/types.ts';
import { describeDocker } from '../fixtures/docker.ts';
import {
  componentsOf,
  databaseOf,
  expectNothingLost,
  expectProvenOnce,
  expectUnderWay,
  generating,
  type Market,
  openMarketFolder,
  pidOf,
} from '../fixtures/market.ts';
import type { Terminal } from '../fixtures/terminal.ts';

/** Which runtime each component runs in. */
const runtimesOf = async (market: Market): Promise<object> =>
  Object.fromEntries((await componentsOf(market)).map(({ id, runtime }) => [id, runtime]));

async function endWithCtrlC(producer: Terminal): Promise<void> {
  producer.kill('SIGINT');
  expect((await producer.ended).code).toBe(130);
}

/** A market for the tests of a group. */
function useMarket(runtime: RuntimeName): { market: Market; database: string } {
  const own = {} as { market: Market; database: string };
  beforeAll(async () => {
    own.market = await openMarketFolder(`market-producers-${runtime}`, runtime);
    await own.market.up();
    own.database = await databaseOf(own.market);
  });
  afterAll(() => own.market[Symbol.asyncDispose]());
  return own;
}

/** A producer that runs otherwise than the market proves a bid, and is gone after Ctrl-C. */
async function expectProvesBeside({ market, database }: { market: Market; database: string }, flag: string) {
  const { runtime } = market;
  const producer = market.terminal('market', 'producer', 'run', '--name', 'beside', flag);
  const job = await generating(market, producer);
  const other = runtime === 'docker' ? 'process' : 'docker';
  expect(await runtimesOf(market)).toEqual({ market: runtime, postgres: runtime, 'producer-beside': other });
  await expectProvenOnce(database, job);
  await endWithCtrlC(producer);
  expect(await runtimesOf(market)).toEqual({ market: runtime, postgres: runtime });
  await expectNothingLost(database, market.bids);
}

await describeDocker('producers', () => {
  describe('of a market of containers', () => {
    const own = useMarket('docker');

    test('--no-docker: a process beside the containers proves', () => expectProvesBeside(own, '--no-docker'));

    test('the market’s container is killed while another generates: it comes back, and the job is done once', async () => {
      const { market, database } = own;
      const producer = market.terminal('market', 'producer', 'run');
      const job = await generating(market, producer);
      const pid = await pidOf(market, 'market');
      process.kill(pid, 'SIGKILL');
      expectUnderWay(producer, job);
      await expectProvenOnce(database, job);
      expect(await runtimesOf(market)).toEqual({ market: 'docker', postgres: 'docker', producer: 'docker' });
      expect(await pidOf(market, 'market')).not.toBe(pid);
      await endWithCtrlC(producer);
      await expectNothingLost(database, market.bids);
    });
  });

  describe('of a market of processes', () => {
    const own = useMarket('process');

    test('--docker: a container beside the processes proves', () => expectProvesBeside(own, '--docker'));
  });
});
