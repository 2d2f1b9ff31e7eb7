/** Bodies of the prover gateway (upstream: prover/crates/bin/prover_fri_gateway, core/lib/prover_interface/src/api.rs). */
import type { ProtocolVersion } from '../ids.ts';
import { type L1BatchProofForL1, l1BatchProofFromJson, l1BatchProofToJson } from './l1-batch-proof.ts';
import { asHash, asInteger, asObject, asText, hashText, member, type PlainObject, WireError } from './plain.ts';
import { asVersion, putVersion } from './version.ts';
import { type WitnessInputData, witnessInputFromPlain, witnessInputToPlain } from './witness-input.ts';

export const SUBMIT_PATH = '/submit_request_for_proofs';
export const POLL_PATH = '/poll_generated_proofs';

/** The prover's tables keep chain ids in 32 bits. */
const MAX_CHAIN_ID = 2 ** 31 - 1;

export interface L1VerifierConfig {
  /** On the wire `recursion_scheduler_level_vk_hash`. */
  snarkWrapperVkHash: bigint;
  fflonkSnarkWrapperVkHash: bigint | null;
}

/** Body of `POST /submit_request_for_proofs`; the answer is 200 `null`. */
export interface ProofGenerationData {
  l1BatchNumber: number;
  chainId: number;
  batchSealedAt: Date;
  witnessInputData: WitnessInputData;
  protocolVersion: ProtocolVersion;
  l1VerifierConfig: L1VerifierConfig;
}

export interface L1BatchId {
  chainId: number;
  batchNumber: number;
}

export interface PollAnswer {
  l1BatchId: L1BatchId;
  proof: L1BatchProofForL1;
}

export function proofGenerationDataToJson(data: ProofGenerationData): PlainObject {
  const { fflonkSnarkWrapperVkHash: fflonk, snarkWrapperVkHash } = data.l1VerifierConfig;
  return {
    l1_batch_number: data.l1BatchNumber,
    chain_id: data.chainId,
    batch_sealed_at: data.batchSealedAt.toISOString(),
    witness_input_data: witnessInputToPlain(data.witnessInputData, 'json'),
    protocol_version: putVersion(data.protocolVersion),
    l1_verifier_config: {
      recursion_scheduler_level_vk_hash: hashText(snarkWrapperVkHash),
      fflonk_snark_wrapper_vk_hash: fflonk === null ? null : hashText(fflonk),
    },
  };
}

/** `now` is the default of `batch_sealed_at`, 0 that of `chain_id`. @throws WireError, NotDevkitWitnessError */
export function proofGenerationDataFromJson(value: unknown, now: Date): ProofGenerationData {
  const object = asObject(value, 'body');
  const get = (key: string): unknown => member(object, key, 'body');
  return {
    l1BatchNumber: asInteger(get('l1_batch_number'), 'body.l1_batch_number', 0, 0xffff_ffff),
    chainId: object.chain_id === undefined ? 0 : asInteger(object.chain_id, 'body.chain_id', 0, MAX_CHAIN_ID),
    batchSealedAt:
      object.batch_sealed_at === undefined ? now : asTimestamp(object.batch_sealed_at, 'body.batch_sealed_at'),
    witnessInputData: witnessInputFromPlain(get('witness_input_data'), 'body.witness_input_data'),
    protocolVersion: asVersion(get('protocol_version'), 'body.protocol_version'),
    l1VerifierConfig: verifierConfigFromJson(get('l1_verifier_config'), 'body.l1_verifier_config'),
  };
}

export const pollRequestToJson = (id: L1BatchId): PlainObject => ({ l1_batch_id: batchIdToJson(id) });

export function pollRequestFromJson(value: unknown): L1BatchId {
  return batchIdFromJson(member(asObject(value, 'body'), 'l1_batch_id', 'body'), 'body.l1_batch_id');
}

/** `undefined` (not ready) is JSON `null`. */
export const pollAnswerToJson = (answer: PollAnswer | undefined): PlainObject | null =>
  answer === undefined
    ? null
    : { l1_batch_id: batchIdToJson(answer.l1BatchId), proof: l1BatchProofToJson(answer.proof) };

export function pollAnswerFromJson(value: unknown): PollAnswer | undefined {
  if (value === null) return undefined;
  const object = asObject(value, 'answer');
  return {
    l1BatchId: batchIdFromJson(member(object, 'l1_batch_id', 'answer'), 'answer.l1_batch_id'),
    proof: l1BatchProofFromJson(member(object, 'proof', 'answer'), 'answer.proof'),
  };
}

const batchIdToJson = (id: L1BatchId): PlainObject => ({ chain_id: id.chainId, batch_number: id.batchNumber });

function batchIdFromJson(value: unknown, where: string): L1BatchId {
  const object = asObject(value, where);
  return {
    chainId: asInteger(member(object, 'chain_id', where), `${where}.chain_id`, 0, MAX_CHAIN_ID),
    batchNumber: asInteger(member(object, 'batch_number', where), `${where}.batch_number`, 0, 0xffff_ffff),
  };
}

function verifierConfigFromJson(value: unknown, where: string): L1VerifierConfig {
  const object = asObject(value, where);
  // upstream renamed the field and reads both names
  const key =
    object.recursion_scheduler_level_vk_hash === undefined
      ? 'snark_wrapper_vk_hash'
      : 'recursion_scheduler_level_vk_hash';
  const fflonk = object.fflonk_snark_wrapper_vk_hash ?? null;
  return {
    snarkWrapperVkHash: asHash(member(object, key, where), `${where}.${key}`),
    fflonkSnarkWrapperVkHash: fflonk === null ? null : asHash(fflonk, `${where}.fflonk_snark_wrapper_vk_hash`),
  };
}

function asTimestamp(value: unknown, where: string): Date {
  const text = asText(value, where);
  const date = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/.test(text) || Number.isNaN(date.getTime())) {
    throw new WireError(where, `expected an RFC 3339 time, found ${text}`);
  }
  return date;
}
