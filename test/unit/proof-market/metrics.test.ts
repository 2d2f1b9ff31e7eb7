import { expect, test } from 'vitest';
import { createMetrics } from '../../../systems/proof-market/components/producer/metrics.ts';

/** Lines of the producer's own metrics, without their comments. */
const linesOf = async ({ registry }: ReturnType<typeof createMetrics>): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith('proof_producer_'));

test('a producer counts its asks and how its jobs ended, and how long the generator took, by statement', async () => {
  const metrics = createMetrics();
  metrics.asked('32326');
  metrics.asked('32326');
  metrics.asked('100000001');
  metrics.ended('32326', 'failed');
  metrics.generated('32326', 1_500);
  metrics.ended('32326', 'pushed');
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'proof_producer_asks_total{statement="32326"} 2',
      'proof_producer_asks_total{statement="100000001"} 1',
      'proof_producer_jobs_total{statement="32326",outcome="failed"} 1',
      'proof_producer_jobs_total{statement="32326",outcome="pushed"} 1',
      'proof_producer_generation_seconds_bucket{le="1",statement="32326"} 0',
      'proof_producer_generation_seconds_bucket{le="2",statement="32326"} 1',
      'proof_producer_generation_seconds_sum{statement="32326"} 1.5',
      'proof_producer_generation_seconds_count{statement="32326"} 1',
    ]),
  );
});

test("two producers of one process count for themselves; Node's own are there too", async () => {
  const [first, second] = [createMetrics(), createMetrics()];
  first.asked('32326');
  expect(await linesOf(second)).not.toContain('proof_producer_asks_total{statement="32326"} 1');
  expect(await second.registry.metrics()).toContain('process_cpu_seconds_total');
});
