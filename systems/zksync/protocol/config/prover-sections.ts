/** Sections of general.yaml that the prover side reads, with upstream's defaults (etc/env/file_based/general.yaml). */
import { bool, duration, integer, port, readSection, type Source, sectionAt, subSection, text } from './fields.ts';
import { readObjectStore } from './object-store.ts';

const minutes = (n: number): number => n * 60_000;

export function readProverSections(root: Source) {
  return {
    prover: {
      objectStore: readObjectStore(sectionAt(root, 'prover', 'prover_object_store')),
      ...readSection(subSection(root, 'prover'), {
        setupDataPath: text('setup_data_path', 'data/keys'),
        prometheusPort: port('prometheus_port', 3315),
        maxAttempts: integer('max_attempts', 5),
        generationTimeoutMs: duration('generation_timeout', minutes(10)),
      }),
    },
    witnessGenerator: readSection(subSection(root, 'witness_generator'), {
      generationTimeoutMs: duration('generation_timeout', minutes(15)),
      basicGenerationTimeoutMs: duration('basic_generation_timeout', undefined),
      leafGenerationTimeoutMs: duration('leaf_generation_timeout', undefined),
      nodeGenerationTimeoutMs: duration('node_generation_timeout', undefined),
      recursionTipGenerationTimeoutMs: duration('recursion_tip_generation_timeout', undefined),
      schedulerGenerationTimeoutMs: duration('scheduler_generation_timeout', undefined),
      maxAttempts: integer('max_attempts', 5),
      prometheusListenerPort: port('prometheus_listener_port', 3116),
      maxCircuitsInFlight: integer('max_circuits_in_flight', 500),
      lastL1BatchToProcess: integer('last_l1_batch_to_process', undefined),
    }),
    proverGateway: readSection(subSection(root, 'prover_gateway'), {
      port: port('port', 3322),
      prometheusListenerPort: port('prometheus_listener_port', 3310),
      /** Ours: upstream always binds 0.0.0.0. */
      bindAddress: text('bind_address', '127.0.0.1'),
    }),
    proofCompressor: readSection(subSection(root, 'proof_compressor'), {
      compressionMode: integer('compression_mode', 5),
      /** Upstream's template spells it `prometheus_listener_port`, which no program of theirs reads; ours does. */
      prometheusPort: port(['prometheus_port', 'prometheus_listener_port'], 3321),
      generationTimeoutMs: duration('generation_timeout', minutes(60)),
      maxAttempts: integer('max_attempts', 5),
      universalSetupPath: text('universal_setup_path', 'keys/setup/setup_compact.key'),
      verifyWrapperProof: bool('verify_wrapper_proof', true),
    }),
    proverJobMonitor: readJobMonitor(subSection(root, 'prover_job_monitor')),
  };
}

function readJobMonitor(source: Source) {
  const interval = (name: string, ms = 10_000) => duration(`${name}_run_interval`, ms);
  return readSection(source, {
    prometheusPort: port('prometheus_port', 3317),
    httpPort: port('http_port', 3074),
    bindAddress: text('bind_address', '127.0.0.1'),
    maxDbConnections: integer('max_db_connections', 9),
    gracefulShutdownTimeoutMs: duration('graceful_shutdown_timeout', 5_000),
    proverJobsArchiverRunIntervalMs: interval('prover_jobs_archiver', minutes(30)),
    proverJobsArchiverArchiveJobsAfterMs: duration('prover_jobs_archiver_archive_jobs_after', minutes(2 * 24 * 60)),
    proofCompressorJobRequeuerRunIntervalMs: interval('proof_compressor_job_requeuer'),
    proverJobRequeuerRunIntervalMs: interval('prover_job_requeuer'),
    witnessGeneratorJobRequeuerRunIntervalMs: interval('witness_generator_job_requeuer'),
    proofCompressorQueueReporterRunIntervalMs: interval('proof_compressor_queue_reporter'),
    proverQueueReporterRunIntervalMs: interval('prover_queue_reporter'),
    witnessGeneratorQueueReporterRunIntervalMs: interval('witness_generator_queue_reporter'),
    witnessJobQueuerRunIntervalMs: interval('witness_job_queuer'),
  });
}
