import { BaseError, ContractFunctionRevertedError, decodeErrorResult, type Hex } from 'viem';
import { PUBLIC_INPUT_NAMES, rollupAbi } from './rollup-abi.ts';

/** The rollup refused a call. `errorName`: its custom error, if it was one. */
export class RollupError extends Error {
  override readonly name = 'RollupError';
  readonly errorName: string | undefined;
  constructor(message: string, errorName: string | undefined, cause?: unknown) {
    super(message, { cause });
    this.errorName = errorName;
  }
}

/** Turns viem's error into one line if the contract's own error is in it; anything else comes back as it is. */
export function toRollupError(error: unknown): unknown {
  const data = revertData(error);
  if (data === undefined) return error;
  const text = describeRevert(data);
  return text ? new RollupError(text.message, text.errorName, error) : error;
}

function revertData(error: unknown): Hex | undefined {
  if (!(error instanceof BaseError)) return undefined;
  const reverted = error.walk((e) => e instanceof ContractFunctionRevertedError);
  if (reverted instanceof ContractFunctionRevertedError) return reverted.raw;
  const found = error.walk((e) => typeof (e as { data?: unknown }).data === 'string') as { data?: Hex } | null;
  return found?.data;
}

/** One line for the revert data of a call to the rollup; undefined if it is not one of its errors. */
export function describeRevert(data: Hex): { errorName: string; message: string } | undefined {
  try {
    const decoded = decodeErrorResult({ abi: rollupAbi, data });
    return { errorName: decoded.errorName, message: describe(decoded) };
  } catch {
    return undefined; // another contract's error
  }
}

function describe(error: ReturnType<typeof decodeErrorResult<typeof rollupAbi>>): string {
  switch (error.errorName) {
    case 'Unauthorized':
      return `L1 refuses sender ${error.args[0]}: only ${error.args[1]} may do this`;
    case 'BatchOutOfOrder':
      return `L1 expects batch ${error.args[0]} next, not ${error.args[1]}`;
    case 'BatchNotCommitted':
      return `batch ${error.args[0]} is not committed on L1 (the last one is ${error.args[1]})`;
    case 'BatchNotProven':
      return `batch ${error.args[0]} is not proven on L1 (the last one is ${error.args[1]})`;
    case 'WrongPublicInput': {
      const name = PUBLIC_INPUT_NAMES[Number(error.args[0])] ?? 'unknown';
      return `proof is for another statement: public input ${error.args[0]} (${name}) is ${error.args[2]}, L1 has ${error.args[1]}`;
    }
    case 'ProofRejected': {
      const reason = error.args[1] === '0x' ? 'verifier gave no reason' : `verifier reverted with ${error.args[1]}`;
      return `L1 verifier rejects the proof of batch ${error.args[0]} (${reason})`;
    }
    default:
      return `L1 refuses: ${error.errorName}(${(error.args ?? []).join(', ')})`;
  }
}
