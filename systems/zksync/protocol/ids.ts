/** Circuit ids, aggregation rounds, protocol versions (zksync-era `core/lib/basic_types`, `circuit_definitions` 0.153). */

export type Aggregation = 'linked' | 'recursive';

/** Base circuits that the reference variant has. Upstream names and ids. */
export const BASE_CIRCUITS = {
  1: 'vm',
  9: 'storage_filter',
  10: 'storage_applicator',
  13: 'l1_messages_hasher',
} as const;
export type BaseCircuitId = keyof typeof BASE_CIRCUITS;
/** Order of the kinds in the recursion tip. */
export const BASE_CIRCUIT_IDS: readonly BaseCircuitId[] = [1, 9, 10, 13];

export const ROUND = { basic: 0, leaf: 1, node: 2, tip: 3, scheduler: 4 } as const;
export type Round = 0 | 1 | 2 | 3 | 4;
/** Round names in object keys. */
export const ROUND_KEY_NAMES = [
  'BasicCircuits',
  'LeafAggregation',
  'NodeAggregation',
  'RecursionTip',
  'Scheduler',
] as const;
/** Round names in binary flags (`--round=`); zkstack uses hyphens. */
export const ROUND_NAMES = [
  'basic_circuits',
  'leaf_aggregation',
  'node_aggregation',
  'recursion_tip',
  'scheduler',
] as const;

export const SCHEDULER_CIRCUIT_ID = 1;
export const NODE_CIRCUIT_ID = 2;
export const RECURSION_TIP_CIRCUIT_ID = 255;

/** Names of all base circuits upstream has, for display. */
export const BASE_CIRCUIT_NAMES: Readonly<Record<number, string>> = {
  1: 'VM',
  2: 'DecommitmentsFilter',
  3: 'Decommiter',
  4: 'LogDemultiplexer',
  5: 'KeccakPrecompile',
  6: 'Sha256Precompile',
  7: 'EcrecoverPrecompile',
  8: 'RamValidation',
  9: 'StorageFilter',
  10: 'StorageApplicator',
  11: 'EventsRevertsFilter',
  12: 'L1MessagesRevertsFilter',
  13: 'L1MessagesHasher',
  14: 'TransientStorageChecker',
  15: 'Secp256r1Verify',
  16: 'ModexpPrecompile',
  17: 'ECAddPrecompile',
  18: 'ECMulPrecompile',
  19: 'ECPairingPrecompile',
  255: 'EIP4844Repack',
};

/** Recursion-layer leaf id of a base circuit id (1…15 → +2, 255 → 18, 16…19 → +3). */
export function recursionId(baseId: number): number {
  if (baseId === 255) return 18;
  return baseId <= 15 ? baseId + 2 : baseId + 3;
}

/** Base circuit id of a recursion-layer leaf id; inverse of `recursionId`. */
export function baseIdOf(recursion: number): number {
  if (recursion === 18) return 255;
  return recursion <= 17 ? recursion - 2 : recursion - 3;
}

/** `0.<minor>.<patch>` */
export interface ProtocolVersion {
  minor: number;
  patch: number;
}

/** The version that the reference prover's components handle, like upstream's PROVER_PROTOCOL_SEMANTIC_VERSION. */
export const PROVER_PROTOCOL_VERSION: ProtocolVersion = { minor: 31, patch: 0 };

export const formatVersion = (v: ProtocolVersion): string => `0.${v.minor}.${v.patch}`;

/** Parses `0.x.y`; undefined when it is anything else. */
export function parseVersion(text: string): ProtocolVersion | undefined {
  const match = /^0\.(\d{1,5})\.(\d{1,9})$/.exec(text);
  return match ? { minor: Number(match[1]), patch: Number(match[2]) } : undefined;
}

/** As packed on L1: minor << 32 | patch. */
export const packVersion = (v: ProtocolVersion): bigint => (BigInt(v.minor) << 32n) | BigInt(v.patch);
