/** The job monitor's metrics, with upstream's names. */
import { Counter, Gauge, Registry } from 'prom-client';
import { type JOB_KINDS, WITNESS_KINDS, type WitnessKind } from '../../protocol/prover-db/jobs.ts';
import type { StatusCount } from '../../protocol/prover-db/reports.ts';

const WITNESS_ROUND: Record<WitnessKind, string> = {
  basic: 'basic_circuits',
  leaf: 'leaf_aggregation',
  node: 'node_aggregation',
  tip: 'recursion_tip',
  scheduler: 'scheduler',
};
const PROVER_ROUNDS = Object.values(WITNESS_ROUND);
/** Statuses that the queue gauges show. */
const OPEN = ['queued', 'in_progress'] as const;

export interface Gauges {
  registry: Registry;
  /** Sets all gauges from a new count of the tables. */
  update(counts: readonly StatusCount[]): void;
  attempts(kind: string, count: number): void;
  archived(count: number): void;
}

export function createGauges(): Gauges {
  const registry = new Registry();
  const gauges = queueGauges(registry);
  const maxAttempts = new Gauge({
    name: 'prover_job_monitor_reached_max_attempts',
    help: 'Jobs that used up their attempts',
    labelNames: ['job_type'],
    registers: [registry],
  });
  const archived = new Counter({
    name: 'prover_job_monitor_prover_job_archived',
    help: 'Circuit proof rows moved to the archive',
    registers: [registry],
  });
  return {
    registry,
    update: (counts) => updateQueues(gauges, counts),
    attempts: (kind, count) => maxAttempts.set({ job_type: kind }, count),
    archived: (count) => archived.inc(count),
  };
}

function queueGauges(registry: Registry) {
  const gauge = <L extends string = never>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const byVersion = ['type', 'protocol_version'] as const;
  return {
    prover: gauge(
      'fri_prover_prover_jobs',
      'Circuit proofs waiting or running',
      ...byVersion,
      'circuit_id',
      'aggregation_round',
    ),
    witness: gauge('server_witness_generator_jobs_by_round', 'Witness jobs waiting or running', ...byVersion, 'round'),
    compressor: gauge('prover_fri_proof_compressor_jobs', 'Compression jobs waiting or running', ...byVersion),
    unpicked: gauge('fri_prover_oldest_unpicked_batch', 'Oldest batch with a queued circuit proof'),
    notGenerated: gauge('fri_prover_oldest_not_generated_batch', 'Oldest batch without its proof'),
    byRound: gauge('fri_prover_oldest_unprocessed_block_by_round', 'Oldest batch with open proofs of a round', 'round'),
    uncompressed: gauge('prover_fri_proof_compressor_oldest_uncompressed_batch', 'Oldest batch to compress'),
  };
}

function updateQueues(gauges: ReturnType<typeof queueGauges>, counts: readonly StatusCount[]): void {
  const { prover, witness, compressor, byRound } = gauges;
  for (const each of [prover, witness, compressor, byRound]) each.reset();
  for (const c of counts.filter(isOpen)) {
    const { status: type, version: protocol_version, count } = c;
    if (c.kind === 'prover') {
      const aggregation_round = PROVER_ROUNDS[c.round ?? 0] ?? String(c.round);
      prover.inc({ type, circuit_id: c.circuitId ?? 0, aggregation_round, protocol_version }, count);
    } else if (c.kind === 'compression') compressor.inc({ type, protocol_version }, count);
    else witness.inc({ type, round: WITNESS_ROUND[c.kind], protocol_version }, count);
  }
  const open = counts.filter(isOpen);
  for (const [round, name] of PROVER_ROUNDS.entries()) {
    const batch = oldest(open.filter((c) => c.kind === 'prover' && c.round === round));
    if (batch !== undefined) byRound.set({ round: name }, batch);
  }
  gauges.unpicked.set(oldest(open.filter((c) => c.kind === 'prover' && c.status === 'queued')) ?? 0);
  gauges.notGenerated.set(oldest(counts.filter(isUnfinished)) ?? 0);
  gauges.uncompressed.set(oldest(open.filter((c) => c.kind === 'compression')) ?? 0);
}

/** Label of a job kind in `prover_job_monitor_reached_max_attempts`. */
export const ATTEMPT_LABELS: Record<(typeof JOB_KINDS)[number], string> = {
  ...(Object.fromEntries(WITNESS_KINDS.map((kind) => [kind, `${WITNESS_ROUND[kind]}_witness`])) as Record<
    WitnessKind,
    string
  >),
  prover: 'prover',
  compression: 'proof_compressor',
};

const isOpen = (c: StatusCount): boolean => (OPEN as readonly string[]).includes(c.status);
const isUnfinished = (c: StatusCount): boolean =>
  !['successful', 'sent_to_server', 'skipped', 'ignored'].includes(c.status);

function oldest(counts: readonly StatusCount[]): number | undefined {
  return counts.length === 0 ? undefined : Math.min(...counts.map((c) => c.oldestBatch));
}
