/**
 * The `definition` of a statement that can be proven here: `proving_key` holds a compiled Noir program and says how its parameters come
 * from the public input, `verification_key` its key for a reference string. Text of LLVM IR is another kind of definition, which only
 * upstream's generator can use.
 */
import { createHash } from 'node:crypto';
import { toHex32 } from '../../../../proving/field.ts';
import type { Program, VerificationKey } from '../../../../proving/types.ts';
import { LIMBS, PALLAS_BASE_MODULUS, toLimbs } from './pallas.ts';
import { PublicInputError } from './public-input.ts';

/** The statement's definition cannot be used here. */
export class DefinitionError extends Error {
  constructor(message: string) {
    super(`statement definition: ${message}`);
    this.name = 'DefinitionError';
  }
}

/** `pallas`: an element of Pallas' base field in four 64-bit limbs; `bn254`: an element of the circuits' own field. */
export type ValueType = 'pallas' | 'bn254';

export interface NamedValue {
  name: string;
  type: ValueType;
}

/** What the program reads and returns: all public, in the order of the proof's public inputs. */
export interface StatementCircuit {
  circuit: string;
  inputs: NamedValue[];
  outputs: NamedValue[];
  program: Program;
  /** The key as the statement states it; whoever checks a proof makes sure that it is the program's. */
  key: VerificationKey;
  /** `Crs.id` of the reference string of the key. */
  crs: string;
}

export interface Definition {
  proving_key: {
    format: 'devkit';
    version: 1;
    kind: 'noir-program';
    circuit: string;
    inputs: NamedValue[];
    outputs: NamedValue[];
    program: Program;
  };
  verification_key: {
    format: 'devkit';
    version: 1;
    kind: 'ultra-honk-key';
    crs: string;
    target: 'recursive';
    hash: string;
    bytes: string;
  };
}

export const TYPES: Readonly<Record<ValueType, { fields: number; limit: bigint; title: string }>> = {
  pallas: { fields: LIMBS, limit: PALLAS_BASE_MODULUS, title: "Pallas' base field" },
  bn254: {
    fields: 1,
    limit: 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n,
    title: "BN254's scalar field",
  },
};

export function encodeDefinition(statement: StatementCircuit): Definition {
  const { circuit, inputs, outputs, program, key, crs } = statement;
  return {
    proving_key: { format: 'devkit', version: 1, kind: 'noir-program', circuit, inputs, outputs, program },
    verification_key: {
      format: 'devkit',
      version: 1,
      kind: 'ultra-honk-key',
      crs,
      target: 'recursive',
      hash: toHex32(key.hash),
      bytes: `0x${Buffer.from(key.bytes).toString('hex')}`,
    },
  };
}

/** Reads the shape and checks that the program's parameters are those that `inputs` names. @throws DefinitionError */
export function parseDefinition(value: unknown): StatementCircuit {
  const { proving_key: proving, verification_key: verification } = asObject(value, 'it');
  if (typeof proving === 'string') {
    throw new DefinitionError(
      'proving_key is text (LLVM IR?): only the generator of the zkLLVM toolchain proves it (variant upstream)',
    );
  }
  const from = asObject(proving, 'proving_key');
  const key = asObject(verification, 'verification_key');
  expectKind(from, 'proving_key', 'noir-program');
  expectKind(key, 'verification_key', 'ultra-honk-key');
  const statement: StatementCircuit = {
    circuit: asText(from['circuit'], 'proving_key.circuit'),
    inputs: asValues(from['inputs'], 'proving_key.inputs'),
    outputs: asValues(from['outputs'], 'proving_key.outputs'),
    program: asProgram(from['program']),
    key: asKey(key),
    crs: asText(key['crs'], 'verification_key.crs'),
  };
  checkAbi(statement);
  return statement;
}

/** Field elements of values as they stand among the proof's public inputs. @throws PublicInputError */
export function encodeValues(types: readonly NamedValue[], values: readonly bigint[]): bigint[] {
  if (values.length !== types.length) {
    const names = types.map(({ name }) => name).join(', ');
    throw new PublicInputError(`${values.length} numbers, the circuit takes ${types.length} (${names})`);
  }
  return types.flatMap(({ name, type }, index) => {
    const value = values[index]!;
    const { limit, title } = TYPES[type];
    if (value < 0n || value >= limit) throw new PublicInputError(`${name} is not below the modulus of ${title}`);
    return type === 'pallas' ? toLimbs(value) : [value];
  });
}

/** Public inputs of a proof: those of the inputs, then those of the outputs. */
export const fieldCount = (types: readonly NamedValue[]): number =>
  types.reduce((sum, { type }) => sum + TYPES[type].fields, 0);

/** Identity of a program: hash over what the prover reads. */
export const programId = ({ noir_version, abi, bytecode }: Program): string =>
  createHash('sha256')
    .update(JSON.stringify([noir_version, abi, bytecode]))
    .digest('hex');

interface AbiType {
  kind?: string;
  length?: number;
  width?: number;
  sign?: string;
  type?: AbiType;
}

interface Abi {
  parameters?: { name?: string; visibility?: string; type?: AbiType }[];
  return_type?: { visibility?: string; abi_type?: AbiType } | null;
}

/** The parameters as public inputs. @throws DefinitionError for one that is private, or no number of a known kind */
export function parametersOf({ abi }: Program): NamedValue[] {
  const { parameters = [] } = (abi ?? {}) as Abi;
  return parameters.map(({ name = '', visibility, type }) => {
    const found = visibility === 'public' ? typeOf(type) : undefined;
    if (found !== undefined) return { name, type: found };
    throw new DefinitionError(
      `the parameter ${name} is not public and a Field or [u64; ${LIMBS}]: the public input is all that a producer gets`,
    );
  });
}

/** What the program returns, with these names. @throws DefinitionError for other types, or another number of names */
export function outputsOf({ abi }: Program, names?: readonly string[]): NamedValue[] {
  const { return_type: returned } = (abi ?? {}) as Abi;
  const { visibility, abi_type: type } = returned ?? {};
  const one = typeOf(type);
  const each = one ?? (type?.kind === 'array' ? typeOf(type.type) : undefined);
  if (returned && (each === undefined || visibility !== 'public')) {
    throw new DefinitionError(
      `the program returns something else than public numbers: Field, [u64; ${LIMBS}], or arrays of them`,
    );
  }
  const count = returned ? (one ? 1 : (type?.length ?? 0)) : 0;
  if (names !== undefined && names.length !== count) {
    throw new DefinitionError(`the program returns ${count} numbers, but ${names.length} names are given for them`);
  }
  return Array.from({ length: count }, (_, index) => ({
    name: names?.[index] ?? `output${index}`,
    type: each as ValueType,
  }));
}

const typeOf = (type: AbiType | undefined): ValueType | undefined =>
  (['pallas', 'bn254'] as const).find((candidate) => isType(type, candidate));

/** Every parameter public, of the type that `inputs` says; nothing private, since the input is all that a producer gets. */
function checkAbi({ inputs, outputs, program }: StatementCircuit): void {
  const { parameters = [], return_type: returned } = (program.abi ?? {}) as Abi;
  const same =
    parameters.length === inputs.length &&
    parameters.every(({ name, visibility, type }, index) => {
      const input = inputs[index]!;
      return name === input.name && visibility === 'public' && isType(type, input.type);
    });
  if (!same) throw new DefinitionError('the parameters of the program are not the public inputs that it names');
  const found = returned?.visibility === 'public' ? fieldsOf(returned.abi_type) : returned ? Number.NaN : 0;
  if (found !== fieldCount(outputs)) throw new DefinitionError('the program does not return the outputs that it names');
}

function isType(type: AbiType | undefined, expected: ValueType): boolean {
  if (expected === 'bn254') return type?.kind === 'field';
  const { kind, width, sign } = type?.type ?? {};
  return type?.kind === 'array' && type.length === LIMBS && kind === 'integer' && width === 64 && sign === 'unsigned';
}

const fieldsOf = (type: AbiType | undefined): number =>
  type?.kind === 'array' ? (type.length ?? Number.NaN) * fieldsOf(type.type) : type === undefined ? 0 : 1;

function asProgram(value: unknown): Program {
  const { noir_version, abi, bytecode } = asObject(value, 'proving_key.program');
  return {
    noir_version: asText(noir_version, 'proving_key.program.noir_version'),
    abi: asObject(abi, 'proving_key.program.abi'),
    bytecode: asText(bytecode, 'proving_key.program.bytecode'),
  };
}

function asKey({ target, hash, bytes }: Record<string, unknown>): VerificationKey {
  if (target !== 'recursive') throw new DefinitionError('verification_key.target is not "recursive"');
  return {
    target,
    hash: BigInt(asHex(hash, 'verification_key.hash', 32)),
    bytes: new Uint8Array(Buffer.from(asHex(bytes, 'verification_key.bytes').slice(2), 'hex')),
  };
}

function asHex(value: unknown, where: string, bytes?: number): string {
  const text = asText(value, where);
  const whole = /^0x(?:[0-9a-f]{2})+$/.test(text);
  if (!whole || (bytes !== undefined && text.length !== 2 + 2 * bytes)) {
    throw new DefinitionError(`${where} is not ${bytes === undefined ? '' : `${bytes} bytes of `}hexadecimal with 0x`);
  }
  return text;
}

function asValues(value: unknown, where: string): NamedValue[] {
  if (!Array.isArray(value)) throw new DefinitionError(`${where} is not a list`);
  return value.map((entry, index) => {
    const { name, type } = asObject(entry, `${where}[${index}]`);
    if (type !== 'pallas' && type !== 'bn254')
      throw new DefinitionError(`${where}[${index}].type is not pallas or bn254`);
    return { name: asText(name, `${where}[${index}].name`), type };
  });
}

function expectKind(object: Record<string, unknown>, where: string, kind: string): void {
  if (object['format'] === 'devkit' && object['version'] === 1 && object['kind'] === kind) return;
  throw new DefinitionError(`${where} is not {"format":"devkit","version":1,"kind":"${kind}",…}`);
}

function asObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DefinitionError(`${where} is not an object`);
}

function asText(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new DefinitionError(`${where} is missing or not text`);
}
