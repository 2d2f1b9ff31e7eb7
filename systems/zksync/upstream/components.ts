/**
 * The programs of zksync-era's prover subsystem, as one table: image, binary, ports, probe, what each needs, for which protocol
 * versions. Read from `matter-labs/zksync-era`, commit 3e29e4a08d (2026-07-02); a number without an upstream source says so.
 */
import type { ZksyncConfig } from '../protocol/config.ts';
import { UPSTREAM_FLAGS, type UpstreamFlag } from './argv.ts';

export type UpstreamId =
  | 'gateway'
  | 'prover-job-monitor'
  | 'witness-generator'
  | 'witness-vector-generator'
  | 'prover'
  | 'circuit-prover'
  | 'compressor'
  | 'server';

/** A value and where upstream says it. */
export interface Sourced<T> {
  value: T;
  source: string;
}

export interface UpstreamPort {
  name: string;
  /** Key in general.yaml. */
  key: string;
  of: (config: ZksyncConfig) => number;
}

/** `metrics`: Prometheus text at /metrics of the port with that name; `health`: the server's /health. */
export type UpstreamProbe = { port: string; path: '/metrics' | '/health' };

export interface UpstreamComponent {
  id: UpstreamId;
  /** Repository on Docker Hub (zkstack's constants); ghcr.io/matter-labs has the same names. */
  image: string;
  /** Cargo package and name of the program; the image's entrypoint. */
  binary: string;
  /** Minor protocol versions that have the component; both inclusive, absent: open. */
  minors: Sourced<{ from?: number; to?: number }>;
  /** After `--config-path` and `--secrets-path`, in this order. */
  flags: readonly UpstreamFlag[];
  ports: readonly UpstreamPort[];
  probe: Sourced<UpstreamProbe>;
  /** How long the program takes at most to end by itself after SIGTERM. */
  windowMs: Sourced<number>;
  gpu: boolean;
  needs: UpstreamNeeds;
  /** Files below prover/data/keys that it reads. */
  keys: Sourced<readonly string[]>;
  /** GPU images only: what the published image was compiled for. */
  cuda?: Sourced<{ runtime: string; archs: readonly number[] }>;
}

/** Absent: upstream states none. */
export interface UpstreamNeeds {
  ramMB?: Sourced<number>;
  vramBytes?: Sourced<number>;
}

/** One more than the longest window would be enough; `docker stop` needs some time itself. */
const STOP_MARGIN_MS = 10_000;
/** What works on circuits loses minutes of work when it is cut off: never less than this. */
const PROVER_STOP_MS = 90_000;

/** How long to wait after SIGTERM before SIGKILL. */
export function stopGraceMs({ windowMs, gpu }: Pick<UpstreamComponent, 'windowMs' | 'gpu'>): number {
  return Math.max(windowMs.value + STOP_MARGIN_MS, gpu ? PROVER_STOP_MS : 0);
}

const ALL = { value: {}, source: 'since the FRI prover' } as const;
const WITHOUT_WVG = {
  value: { from: 27 },
  source: 'PR 3729 (fbbdc76b86, 2025-03-20): one circuit-prover from protocol v27 on',
} as const;
const WITH_WVG = { value: { to: 26 }, source: WITHOUT_WVG.source } as const;
const METRICS = 'prover components have no health endpoint, only Prometheus on their port';
const BOOK_VRAM: Sourced<number> = {
  // a 24 GB card has a little less than 24 GiB (an L4: 23,034 MiB)
  value: 24_000_000_000,
  source: 'prover book: 24 GB each for prover and compressor',
};
const SMALL_KEYS = ['verification_*_key.json', 'finalization_hints_*.bin', 'commitments.json'] as const;
const CUDA_ARCHS = [89] as const;

const metrics = (key: string, of: UpstreamPort['of']): UpstreamPort => ({ name: 'metrics', key, of });
const onMetrics: UpstreamProbe = { port: 'metrics', path: '/metrics' };

const GATEWAY: UpstreamComponent = {
  id: 'gateway',
  image: 'matterlabs/prover-fri-gateway',
  binary: 'zksync_prover_fri_gateway',
  minors: ALL,
  flags: [],
  ports: [
    // before PR 3855 (2025-04-17) the gateway was a client and only its metrics port listened
    { name: 'http', key: 'prover_gateway.port', of: (config) => config.proverGateway.port },
    metrics('prover_gateway.prometheus_listener_port', (config) => config.proverGateway.prometheusListenerPort),
  ],
  probe: { value: onMetrics, source: METRICS },
  windowMs: { value: 5_000, source: 'seconds, like the prover job monitor; no number upstream' },
  gpu: false,
  needs: {},
  keys: { value: [], source: 'reads none' },
};

const JOB_MONITOR: UpstreamComponent = {
  id: 'prover-job-monitor',
  image: 'matterlabs/prover-job-monitor',
  binary: 'zksync_prover_job_monitor',
  minors: {
    value: { from: 25 },
    source:
      'in the prover workspace since late 2024; before, the house keeper of the core moved jobs (inferred from dates)',
  },
  flags: [],
  ports: [
    { name: 'http', key: 'prover_job_monitor.http_port', of: (config) => config.proverJobMonitor.httpPort },
    metrics('prover_job_monitor.prometheus_port', (config) => config.proverJobMonitor.prometheusPort),
  ],
  probe: { value: onMetrics, source: METRICS },
  windowMs: { value: 5_000, source: 'general.yaml: prover_job_monitor.graceful_shutdown_timeout_ms' },
  gpu: false,
  needs: {},
  keys: { value: [], source: 'reads none' },
};

const WITNESS_GENERATOR: UpstreamComponent = {
  id: 'witness-generator',
  image: 'matterlabs/witness-generator',
  binary: 'zksync_witness_generator',
  minors: ALL,
  flags: UPSTREAM_FLAGS['witness-generator'],
  ports: [
    metrics('witness_generator.prometheus_listener_port', (config) => config.witnessGenerator.prometheusListenerPort),
  ],
  probe: { value: onMetrics, source: METRICS },
  windowMs: { value: 20_000, source: 'graceful shutdown of witness_generator' },
  gpu: false,
  needs: {
    ramMB: {
      value: 5_000,
      source: 'comment of max_circuits_in_flight: up to 5 GB extra; 25 GB at worst (500 circuits × 50 MB)',
    },
  },
  keys: { value: SMALL_KEYS, source: 'prover/data/keys of the repository: 1–40 KB each' },
};

const CIRCUIT_PROVER: UpstreamComponent = {
  id: 'circuit-prover',
  image: 'matterlabs/circuit-prover-gpu',
  binary: 'zksync_circuit_prover',
  minors: WITHOUT_WVG,
  flags: UPSTREAM_FLAGS['circuit-prover'],
  ports: [metrics('prover.prometheus_port', (config) => config.prover.prometheusPort)],
  probe: { value: onMetrics, source: METRICS },
  windowMs: { value: 70_000, source: 'graceful shutdown of circuit_prover' },
  gpu: true,
  needs: {
    ramMB: { value: 21_800, source: 'code comment: setup data, loaded once; witness vector threads come on top' },
    vramBytes: BOOK_VRAM,
  },
  keys: {
    value: [
      ...SMALL_KEYS,
      'setup_basic_*_data.bin',
      'setup_leaf_*_data.bin',
      'setup_node_data.bin',
      'setup_recursion_tip_data.bin',
      'setup_scheduler_data.bin',
    ],
    source: 'keystore; about 26 GB in all, with those of the compressor (PR 2811)',
  },
  cuda: {
    value: { runtime: '12.4', archs: CUDA_ARCHS },
    source: 'docker/circuit-prover-gpu/Dockerfile: CUDA_ARCH 89 by default; the workflow can pass 75;80;89;90',
  },
};

const COMPRESSOR: UpstreamComponent = {
  id: 'compressor',
  image: 'matterlabs/proof-fri-gpu-compressor',
  binary: 'zksync_proof_fri_compressor',
  minors: ALL,
  flags: UPSTREAM_FLAGS.compressor,
  ports: [metrics('proof_compressor.prometheus_port', (config) => config.proofCompressor.prometheusPort)],
  // the template's key is prometheus_listener_port, which nothing reads; the port is given by environment
  probe: { value: onMetrics, source: 'proof_fri_compressor/src/main.rs: build_exporter_config(prometheus_port)' },
  windowMs: { value: 90_000, source: 'proof_fri_compressor/src/main.rs: GRACEFUL_SHUTDOWN_DURATION' },
  gpu: true,
  needs: { vramBytes: BOOK_VRAM },
  keys: {
    value: [
      ...SMALL_KEYS,
      'setup_scheduler_data.bin',
      'setup_compression*_data.bin',
      'compression_wrapper_setup_data.bin',
      'plonk_setup_snark_data.bin',
      'fflonk_setup_snark_data.bin',
    ],
    source: 'keystore; plus the universal setup at proof_compressor.universal_setup_path',
  },
  cuda: {
    value: { runtime: '12.2', archs: CUDA_ARCHS },
    source: 'docker/proof-fri-gpu-compressor/Dockerfile: CUDA_ARCH 89 by default, bellman-cuda compiled in',
  },
};

const WITNESS_VECTOR_GENERATOR: UpstreamComponent = {
  id: 'witness-vector-generator',
  image: 'matterlabs/witness-vector-generator',
  binary: 'zksync_witness_vector_generator',
  minors: WITH_WVG,
  flags: UPSTREAM_FLAGS['witness-vector-generator'],
  ports: [{ name: 'metrics', key: 'fri_witness_vector_generator.prometheus_listener_port', of: () => 3420 }],
  probe: { value: onMetrics, source: METRICS },
  windowMs: { value: 20_000, source: 'no number upstream: taken from the witness generator' },
  gpu: false,
  needs: { ramMB: { value: 10_000, source: '2024 prover book: about 10 GB for each thread' } },
  keys: { value: SMALL_KEYS, source: 'prover book of 2024' },
};

const FRI_PROVER: UpstreamComponent = {
  id: 'prover',
  image: 'matterlabs/prover-gpu-fri',
  binary: 'zksync_prover_fri',
  minors: WITH_WVG,
  flags: UPSTREAM_FLAGS.prover,
  ports: [
    { name: 'witness-vectors', key: 'prover.witness_vector_receiver_port', of: () => 3316 },
    metrics('prover.prometheus_port', (config) => config.prover.prometheusPort),
  ],
  probe: { value: onMetrics, source: METRICS },
  windowMs: { value: 70_000, source: 'no number upstream: taken from the circuit prover' },
  gpu: true,
  needs: { vramBytes: BOOK_VRAM },
  keys: { value: CIRCUIT_PROVER.keys.value, source: 'prover book of 2024' },
  cuda: {
    value: { runtime: '12.2', archs: CUDA_ARCHS },
    source: 'docker/prover-gpu-fri/Dockerfile: CUDA_ARCH 89 by default',
  },
};

export const UPSTREAM_SERVER: UpstreamComponent = {
  id: 'server',
  image: 'matterlabs/server-v2',
  binary: 'zksync_server',
  minors: ALL,
  flags: [],
  ports: [
    { name: 'rpc', key: 'api.web3_json_rpc.http_port', of: (config) => config.api.web3JsonRpc.httpPort },
    { name: 'health', key: 'api.healthcheck.port', of: (config) => config.api.healthcheck.port },
    {
      name: 'external-proof-api',
      key: 'external_proof_integration_api.http_port',
      of: (config) => config.externalProofIntegrationApi.httpPort,
    },
    metrics('prometheus.listener_port', (config) => config.prometheus.listenerPort),
  ],
  probe: { value: { port: 'health', path: '/health' }, source: '200 with the states of its components when ready' },
  windowMs: { value: 20_000, source: 'no number upstream' },
  gpu: false,
  needs: {},
  keys: { value: [], source: 'the image has what it checks proofs with' },
};

/** In the order in which the workers depend on each other. */
export const UPSTREAM_PROVERS: readonly UpstreamComponent[] = [
  GATEWAY,
  JOB_MONITOR,
  WITNESS_GENERATOR,
  WITNESS_VECTOR_GENERATOR,
  FRI_PROVER,
  CIRCUIT_PROVER,
  COMPRESSOR,
];

export const UPSTREAM_IDS: readonly UpstreamId[] = [...UPSTREAM_PROVERS, UPSTREAM_SERVER].map(({ id }) => id);

/** What proves batches of a protocol version. */
export function upstreamProvers(minor: number): UpstreamComponent[] {
  return UPSTREAM_PROVERS.filter(({ minors: { value } }) => minor >= (value.from ?? 0) && minor <= (value.to ?? minor));
}
