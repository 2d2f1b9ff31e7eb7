/** `VMRunWitnessInputData` with the reference variant's section `devkit`: the batch's storage records and messages. */

import {
  asArray,
  asBool,
  asBytes,
  asHash,
  asInteger,
  asObject,
  asUint256,
  hashText,
  mapArray,
  member,
  type PlainObject,
  putNumbers,
  uint256Text,
  WireError,
} from './plain.ts';
import { formatProtocolVersionId, parseProtocolVersionId } from './version.ts';

/** One access to a storage slot, in execution order. */
export interface DevkitStorageLog {
  /** Account, 160 bits. */
  address: bigint;
  /** Slot, 256 bits. */
  key: bigint;
  readValue: bigint;
  /** Equal to `readValue` when `isWrite` is false. */
  writtenValue: bigint;
  isWrite: boolean;
  /** Position of the transaction in the batch. */
  txIndex: number;
}

export interface DevkitMessage {
  txIndex: number;
  sender: bigint;
  /** The 32-byte word that goes to L1. */
  value: bigint;
}

export interface DevkitRunData {
  batchNumber: number;
  chainId: number;
  storageLogs: DevkitStorageLog[];
  l2ToL1Messages: DevkitMessage[];
}

export interface VmRunData {
  l1BatchNumber: number;
  usedBytecodes: { hash: bigint; words: Uint8Array[] }[];
  initialHeapContent: { index: number; value: bigint }[];
  /** Minor version; on the wire a variant name such as `Version31`. */
  protocolVersion: number;
  bootloaderCode: Uint8Array[];
  defaultAccountCodeHash: bigint;
  evmEmulatorCodeHash?: bigint;
  storageRefunds: number[];
  pubdataCosts: number[];
  witnessBlockState: {
    readStorageKey: { address: bigint; key: bigint; value: bigint }[];
    isWriteInitial: { address: bigint; key: bigint; initial: boolean }[];
  };
  devkit: DevkitRunData;
}

/** The file is a witness input, but of a batch that the EraVM executed. */
export class NotDevkitWitnessError extends Error {
  constructor(where: string) {
    super(`${where}: no devkit section: executed by EraVM: use --variant upstream`);
    this.name = 'NotDevkitWitnessError';
  }
}

export function vmRunDataToPlain(data: VmRunData): PlainObject {
  const state = data.witnessBlockState;
  return {
    l1_batch_number: data.l1BatchNumber,
    used_bytecodes: Object.fromEntries(
      data.usedBytecodes.map(({ hash, words }) => [uint256Text(hash), words.map(putNumbers)]),
    ),
    initial_heap_content: data.initialHeapContent.map(({ index, value }) => [index, uint256Text(value)]),
    protocol_version: formatProtocolVersionId(data.protocolVersion),
    bootloader_code: data.bootloaderCode.map(putNumbers),
    default_account_code_hash: uint256Text(data.defaultAccountCodeHash),
    ...(data.evmEmulatorCodeHash === undefined
      ? {}
      : { evm_emulator_code_hash: uint256Text(data.evmEmulatorCodeHash) }),
    storage_refunds: data.storageRefunds,
    pubdata_costs: data.pubdataCosts,
    witness_block_state: {
      read_storage_key: state.readStorageKey.map((row) => [storageKeyToPlain(row), hashText(row.value)]),
      is_write_initial: state.isWriteInitial.map((row) => [storageKeyToPlain(row), row.initial]),
    },
    devkit: devkitToPlain(data.devkit),
  };
}

export function vmRunDataFromPlain(value: unknown, where: string): VmRunData {
  const object = asObject(value, where);
  const get = (key: string): unknown => member(object, key, where);
  const at = (key: string): string => `${where}.${key}`;
  const list = <T>(key: string, read: (entry: unknown, place: string) => T): T[] => mapArray(get(key), at(key), read);
  if (object.devkit === undefined) throw new NotDevkitWitnessError(where);
  const emulator = object.evm_emulator_code_hash;
  const word = (entry: unknown, place: string): Uint8Array => asBytes(entry, place, 32);
  return {
    l1BatchNumber: asInteger(get('l1_batch_number'), at('l1_batch_number'), 0, 0xffff_ffff),
    usedBytecodes: Object.entries(asObject(get('used_bytecodes'), at('used_bytecodes'))).map(([hash, words]) => ({
      hash: asUint256(hash, at('used_bytecodes')),
      words: mapArray(words, `${at('used_bytecodes')}.${hash}`, word),
    })),
    initialHeapContent: list('initial_heap_content', (entry, place) => {
      const [index, content] = pair(entry, place);
      return { index: asInteger(index, place), value: asUint256(content, place) };
    }),
    protocolVersion: parseProtocolVersionId(get('protocol_version'), at('protocol_version')),
    bootloaderCode: list('bootloader_code', word),
    defaultAccountCodeHash: asUint256(get('default_account_code_hash'), at('default_account_code_hash')),
    ...(emulator === undefined || emulator === null
      ? {}
      : { evmEmulatorCodeHash: asUint256(emulator, at('evm_emulator_code_hash')) }),
    storageRefunds: list('storage_refunds', (entry, place) => asInteger(entry, place, 0, 0xffff_ffff)),
    pubdataCosts: list('pubdata_costs', (entry, place) => asInteger(entry, place, -(2 ** 31), 2 ** 31 - 1)),
    witnessBlockState: blockStateFromPlain(get('witness_block_state'), at('witness_block_state')),
    devkit: devkitFromPlain(object.devkit, at('devkit')),
  };
}

function devkitToPlain(data: DevkitRunData): PlainObject {
  return {
    format: 'devkit',
    version: 1,
    batch_number: data.batchNumber,
    chain_id: data.chainId,
    storage_logs: data.storageLogs.map((log) => ({
      address: hashText(log.address, 20),
      key: hashText(log.key),
      read_value: hashText(log.readValue),
      written_value: hashText(log.writtenValue),
      is_write: log.isWrite,
      tx_index: log.txIndex,
    })),
    l2_to_l1_messages: data.l2ToL1Messages.map((message) => ({
      tx_index: message.txIndex,
      sender: hashText(message.sender, 20),
      value: hashText(message.value),
    })),
  };
}

function devkitFromPlain(value: unknown, where: string): DevkitRunData {
  const object = asObject(value, where);
  const get = (key: string): unknown => member(object, key, where);
  const at = (key: string): string => `${where}.${key}`;
  if (object.format !== 'devkit' || object.version !== 1) {
    throw new WireError(where, `expected format devkit, version 1, found ${object.format}, ${object.version}`);
  }
  return {
    batchNumber: asInteger(get('batch_number'), at('batch_number'), 0, 0xffff_ffff),
    chainId: asInteger(get('chain_id'), at('chain_id')),
    storageLogs: mapArray(get('storage_logs'), at('storage_logs'), storageLogFromPlain),
    l2ToL1Messages: mapArray(get('l2_to_l1_messages'), at('l2_to_l1_messages'), messageFromPlain),
  };
}

function storageLogFromPlain(value: unknown, where: string): DevkitStorageLog {
  const object = asObject(value, where);
  const get = (key: string): unknown => member(object, key, where);
  return {
    address: asHash(get('address'), `${where}.address`, 20),
    key: asHash(get('key'), `${where}.key`),
    readValue: asHash(get('read_value'), `${where}.read_value`),
    writtenValue: asHash(get('written_value'), `${where}.written_value`),
    isWrite: asBool(get('is_write'), `${where}.is_write`),
    txIndex: asInteger(get('tx_index'), `${where}.tx_index`, 0, 0xffff_ffff),
  };
}

function messageFromPlain(value: unknown, where: string): DevkitMessage {
  const object = asObject(value, where);
  return {
    txIndex: asInteger(member(object, 'tx_index', where), `${where}.tx_index`, 0, 0xffff_ffff),
    sender: asHash(member(object, 'sender', where), `${where}.sender`, 20),
    value: asHash(member(object, 'value', where), `${where}.value`),
  };
}

/** Upstream's StorageKey: `{account: {address}, key}`. */
const storageKeyToPlain = ({ address, key }: { address: bigint; key: bigint }): PlainObject => ({
  account: { address: hashText(address, 20) },
  key: hashText(key),
});

function storageKeyFromPlain(value: unknown, where: string): { address: bigint; key: bigint } {
  const object = asObject(value, where);
  const account = asObject(member(object, 'account', where), `${where}.account`);
  return {
    address: asHash(member(account, 'address', `${where}.account`), `${where}.account.address`, 20),
    key: asHash(member(object, 'key', where), `${where}.key`),
  };
}

function blockStateFromPlain(value: unknown, where: string): VmRunData['witnessBlockState'] {
  const object = asObject(value, where);
  return {
    readStorageKey: mapArray(member(object, 'read_storage_key', where), `${where}.read_storage_key`, (row, place) => {
      const [key, content] = pair(row, place);
      return { ...storageKeyFromPlain(key, place), value: asHash(content, place) };
    }),
    isWriteInitial: mapArray(member(object, 'is_write_initial', where), `${where}.is_write_initial`, (row, place) => {
      const [key, initial] = pair(row, place);
      return { ...storageKeyFromPlain(key, place), initial: asBool(initial, place) };
    }),
  };
}

function pair(value: unknown, where: string): [unknown, unknown] {
  const list = asArray(value, where);
  if (list.length !== 2) throw new WireError(where, 'expected a pair');
  return [list[0], list[1]];
}
