/** Metrics that all workers have: jobs by outcome and their duration. */
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Outcome } from './job.ts';

export interface JobMetrics {
  registry: Registry;
  /** `stage`: e.g. `basic_circuits`, `witness_vector`, `proof`, `compression`; `circuit`: a circuit's name, or empty. */
  done(stage: string, circuit: string, outcome: Outcome, ms: number): void;
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** `<prefix>_jobs_total{stage,circuit,outcome}`, `<prefix>_job_duration_seconds{stage,circuit}`, and Node's own. */
export function createJobMetrics(prefix: string): JobMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const jobs = new Counter({
    name: `${prefix}_jobs_total`,
    help: 'Jobs ended, by how they ended',
    labelNames: ['stage', 'circuit', 'outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: `${prefix}_job_duration_seconds`,
    help: 'Time of successful jobs',
    labelNames: ['stage', 'circuit'],
    buckets: SECONDS,
    registers: [registry],
  });
  return {
    registry,
    done(stage, circuit, outcome, ms) {
      jobs.inc({ stage, circuit, outcome });
      if (outcome === 'successful') seconds.observe({ stage, circuit }, ms / 1000);
    },
  };
}
