/** Sections of general.yaml that the core side reads, with upstream's defaults, and our own section `devkit`. */
import {
  bool,
  choice,
  duration,
  integer,
  port,
  readSection,
  type Source,
  sectionAt,
  subSection,
  text,
} from './fields.ts';
import { readObjectStore } from './object-store.ts';

const seconds = (n: number): number => n * 1000;
const PROOF_SENDING_MODES = ['SKIP_EVERY_PROOF', 'ONLY_SAMPLED_PROOFS', 'ONLY_REAL_PROOFS'] as const;

export function readCoreSections(root: Source) {
  return {
    coreObjectStore: readObjectStore(subSection(root, 'core_object_store')),
    dataHandler: readSection(subSection(root, 'data_handler'), {
      httpPort: port('http_port', 3320),
      gatewayApiUrl: text('gateway_api_url', undefined),
      provingMode: choice('proving_mode', ['PROVER_CLUSTER', 'PROVING_NETWORK'], 'PROVER_CLUSTER'),
      proofGenerationTimeoutMs: duration('proof_generation_timeout', seconds(60)),
      proofGenDataSubmitIntervalMs: duration('proof_gen_data_submit_interval', seconds(10)),
      proofFetchIntervalMs: duration('proof_fetch_interval', seconds(10)),
      gatewayApiRequestTimeoutMs: duration('gateway_api_request_timeout', seconds(60)),
      fetchZeroChainIdProofs: bool('fetch_zero_chain_id_proofs', true),
    }),
    externalProofIntegrationApi: readSection(subSection(root, 'external_proof_integration_api'), {
      httpPort: port('http_port', 3073),
      bindAddress: text('bind_address', '127.0.0.1'),
    }),
    eth: { sender: readEthSender(sectionAt(root, 'eth', 'sender')) },
    stateKeeper: readSection(subSection(root, 'state_keeper'), {
      blockCommitDeadlineMs: duration('block_commit_deadline', 2000),
      miniblockCommitDeadlineMs: duration('miniblock_commit_deadline', 1000),
      maxCircuitsPerBatch: integer('max_circuits_per_batch', 27_000),
      transactionSlots: integer('transaction_slots', 8192),
    }),
    api: readApi(subSection(root, 'api')),
    basicWitnessInputProducer: readVmRunner(subSection(root, 'basic_witness_input_producer')),
    protectiveReadsWriter: readVmRunner(subSection(root, 'protective_reads_writer')),
    houseKeeper: readSection(subSection(root, 'house_keeper'), {
      l1BatchMetricsReportingIntervalMs: duration('l1_batch_metrics_reporting_interval', seconds(10)),
    }),
    daDispatcher: readSection(subSection(root, 'da_dispatcher'), {
      pollingIntervalMs: duration('polling_interval', seconds(5)),
    }),
    prometheus: readSection(subSection(root, 'prometheus'), { listenerPort: port('listener_port', 3314) }),
    postgres: readSection(subSection(root, 'postgres'), {
      maxConnections: integer('max_connections', 100),
      statementTimeoutMs: duration('statement_timeout', seconds(300), 's'),
    }),
    observability: readSection(subSection(root, 'observability'), {
      logFormat: text('log_format', 'plain'),
      logDirectives: text('log_directives', undefined),
    }),
    devkit: readDevkit(subSection(root, 'devkit')),
  };
}

function readEthSender(source: Source) {
  return readSection(source, {
    proofSendingMode: choice('proof_sending_mode', PROOF_SENDING_MODES, 'SKIP_EVERY_PROOF'),
    isVerifierPreFflonk: bool('is_verifier_pre_fflonk', true),
    // upstream counts these three in seconds when no unit is given
    aggregatedBlockCommitDeadlineMs: duration('aggregated_block_commit_deadline', seconds(1), 's'),
    aggregatedBlockProveDeadlineMs: duration('aggregated_block_prove_deadline', seconds(5), 's'),
    aggregatedBlockExecuteDeadlineMs: duration('aggregated_block_execute_deadline', seconds(5), 's'),
    maxAggregatedBlocksToCommit: integer('max_aggregated_blocks_to_commit', 1),
    txPollPeriodMs: duration('tx_poll_period', 300, 's'),
    aggregateTxPollPeriodMs: duration('aggregate_tx_poll_period', 300, 's'),
  });
}

function readApi(source: Source) {
  return {
    web3JsonRpc: readSection(subSection(source, 'web3_json_rpc'), {
      httpPort: port('http_port', 3050),
      httpUrl: text('http_url', 'http://127.0.0.1:3050'),
      wsPort: port('ws_port', 3051),
      bindAddress: text('bind_address', '127.0.0.1'),
    }),
    healthcheck: readSection(subSection(source, 'healthcheck'), { port: port('port', 3071) }),
    merkleTree: readSection(subSection(source, 'merkle_tree'), { port: port('port', 3072) }),
  };
}

const readVmRunner = (source: Source) =>
  readSection(source, {
    dbPath: text('db_path', undefined),
    windowSize: integer('window_size', 3),
    firstProcessedBatch: integer('first_processed_batch', 0),
  });

/** Ours; upstream's programs ignore the section. */
function readDevkit(source: Source) {
  return {
    ...readSection(source, {
      variant: choice('variant', ['reference', 'upstream'], 'reference'),
      aggregation: choice('aggregation', ['linked', 'recursive'], 'linked'),
      /** `dev`, `ignition`, or a folder. */
      crs: text('crs', 'dev'),
      /** The chain's own node, behind the server's API. */
      l2RpcUrl: text('l2_rpc_url', 'http://127.0.0.1:3060'),
    }),
    fast: readSection(subSection(source, 'fast'), {
      /** First wait of a worker that found nothing; doubles up to the next one. Upstream's values are the defaults. */
      idleBackoffMs: duration('idle_backoff', 1000),
      maxIdleBackoffMs: duration('max_idle_backoff', 5000),
      /** Interval of the server's own loops that have no upstream setting. */
      loopIntervalMs: duration('loop_interval', 500),
      /** Longest interval of a periodic loop that keeps finding nothing to do. */
      idleIntervalMs: duration('idle_interval', 10_000),
      /** Wake on database notifications besides polling. */
      notify: bool('notify', true),
    }),
  };
}
