/** Folders of an object store (upstream: core/lib/object_store, enum Bucket). */
export const BUCKETS = {
  witnessInput: 'witness_inputs',
  proverJobs: 'prover_jobs_fri',
  leafAggregation: 'leaf_aggregation_witness_jobs_fri',
  nodeAggregation: 'node_aggregation_witness_jobs_fri',
  scheduler: 'scheduler_witness_jobs_fri',
  proofs: 'proofs_fri',
  proofsAirbender: 'proofs_airbender',
  publicWitnessInputs: 'public_witness_inputs',
  storageSnapshot: 'storage_logs_snapshots',
  dataAvailability: 'data_availability',
  vmDumps: 'vm_dumps',
  proverJobsOld: 'prover_jobs',
  leafAggregationOld: 'leaf_aggregation_witness_jobs',
  nodeAggregationOld: 'node_aggregation_witness_jobs',
  schedulerOld: 'scheduler_witness_jobs',
} as const;

export type Bucket = (typeof BUCKETS)[keyof typeof BUCKETS];
export const ALL_BUCKETS: readonly Bucket[] = Object.values(BUCKETS);
