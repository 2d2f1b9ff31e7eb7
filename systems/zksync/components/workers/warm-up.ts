/** The first witness of a process costs a second more than the others (WebAssembly); better spent before the first job. */
import { solveWitness } from '../../../../proving/noir.ts';
import type { CircuitInputs, Program } from '../../../../proving/types.ts';

/** The part of Noir's ABI types that decides how a value is written. */
type AbiType =
  | { kind: 'field' | 'integer' | 'boolean' | 'string'; length?: number }
  | { kind: 'array'; length: number; type: AbiType }
  | { kind: 'tuple'; fields: AbiType[] }
  | { kind: 'struct'; fields: { name: string; type: AbiType }[] };

function zeroOf(type: AbiType): unknown {
  switch (type.kind) {
    case 'boolean':
      return false;
    case 'string':
      return '\0'.repeat(type.length ?? 0);
    case 'array':
      return Array.from({ length: type.length }, () => zeroOf(type.type));
    case 'tuple':
      return type.fields.map(zeroOf);
    case 'struct':
      return Object.fromEntries(type.fields.map((field) => [field.name, zeroOf(field.type)]));
    default:
      return '0x0';
  }
}

/** Inputs of the right shape, all zero. */
export function zeroInputs(program: Program): CircuitInputs {
  const { parameters } = program.abi as { parameters: { name: string; type: AbiType }[] };
  return Object.fromEntries(parameters.map(({ name, type }) => [name, zeroOf(type)]));
}

/** Loads and exercises the solver. That the zeros do not satisfy the circuit is expected. */
export async function warmUp(program: Program): Promise<void> {
  await solveWitness(program, zeroInputs(program)).catch(() => undefined);
}
