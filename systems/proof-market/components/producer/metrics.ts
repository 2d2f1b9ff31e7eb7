import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Outcome } from './work.ts';

export interface ProducerMetrics {
  registry: Registry;
  asked(statement: string): void;
  /** `failed`: an attempt, which may be repeated. */
  ended(statement: string, outcome: Outcome | 'failed'): void;
  generated(statement: string, ms: number): void;
}

const SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600];

/** `proof_producer_asks_total`, `…_jobs_total{outcome}`, `…_generation_seconds`, by statement, and Node's own. */
export function createMetrics(): ProducerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const asks = new Counter({
    name: 'proof_producer_asks_total',
    help: 'Asks pushed',
    labelNames: ['statement'],
    registers: [registry],
  });
  const jobs = new Counter({
    name: 'proof_producer_jobs_total',
    help: 'Matched asks worked on, by how that ended',
    labelNames: ['statement', 'outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'proof_producer_generation_seconds',
    help: 'Time of the generator for proofs that were made',
    labelNames: ['statement'],
    buckets: SECONDS,
    registers: [registry],
  });
  return {
    registry,
    asked: (statement) => asks.inc({ statement }),
    ended: (statement, outcome) => jobs.inc({ statement, outcome }),
    generated: (statement, ms) => seconds.observe({ statement }, ms / 1000),
  };
}
