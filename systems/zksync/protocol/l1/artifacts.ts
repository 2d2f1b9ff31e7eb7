import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Abi, Hex } from 'viem';
import type { Aggregation } from '../ids.ts';

/** Most bytes of code a contract may have on chain (EIP-170). */
export const CODE_SIZE_LIMIT = 24_576;

/** A compiled contract, as committed under `systems/zksync/contracts/artifacts/`. */
export interface ContractArtifact {
  contractName: string;
  abi: Abi;
  /** Creation code, without constructor arguments. */
  bytecode: Hex;
  deployedBytecode: Hex;
  /** Compiler version, e.g. `0.8.37+commit.…`. */
  compiler: string;
  /** SHA-256 of compiler input (sources and settings). */
  sourceHash: string;
}

/** A verifier contract and the one key it verifies for. */
export interface VerifierArtifact extends ContractArtifact {
  /** bb's hash of the verification key that is in the code. */
  vkHash: Hex;
  /** Id of the structured reference string in the code, e.g. `dev-1`. */
  crs: string;
}

/** Compiler input of `solc --standard-json`. No metadata is appended, so that equal sources give equal code everywhere. */
export function standardJson(sources: Record<string, string>, runs: number): string {
  return JSON.stringify({
    language: 'Solidity',
    sources: Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }])),
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs },
      metadata: { appendCBOR: false, bytecodeHash: 'none' },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  });
}

/** solc found errors in a source, or gave code that no chain takes. */
export class CompileError extends Error {
  override readonly name = 'CompileError';
}

interface SolcOutput {
  errors?: { severity: string; formattedMessage: string }[];
  contracts?: Record<
    string,
    Record<string, { abi: Abi; evm: { bytecode: { object: string }; deployedBytecode: { object: string } } }>
  >;
}

/** Takes one contract out of solc's answer. @throws CompileError with the compiler's own message */
export function artifactOf(input: string, output: string, compiler: string, contractName: string): ContractArtifact {
  const parsed = parseOutput(output, compiler);
  const error = parsed.errors?.find((e) => e.severity === 'error');
  if (error) throw new CompileError(`solc ${compiler}: ${error.formattedMessage.trim()}`);
  const found = Object.values(parsed.contracts ?? {}).find((file) => contractName in file)?.[contractName];
  if (!found) throw new CompileError(`solc ${compiler}: no contract ${contractName} in its output`);
  const size = found.evm.deployedBytecode.object.length / 2;
  if (size >= CODE_SIZE_LIMIT)
    throw new CompileError(`${contractName} has ${size} bytes of code, a chain takes less than ${CODE_SIZE_LIMIT}`);
  return {
    contractName,
    abi: found.abi,
    bytecode: `0x${found.evm.bytecode.object}`,
    deployedBytecode: `0x${found.evm.deployedBytecode.object}`,
    compiler,
    sourceHash: createHash('sha256').update(input).digest('hex'),
  };
}

/** The JavaScript build of solc says something about SMT solvers before the JSON. */
function parseOutput(output: string, compiler: string): SolcOutput {
  try {
    return JSON.parse(output.slice(Math.max(0, output.indexOf('{')))) as SolcOutput;
  } catch (cause) {
    throw new CompileError(`solc ${compiler} did not answer in JSON: ${output.slice(0, 200)}`, { cause });
  }
}

export const ARTIFACTS_DIR = fileURLToPath(new URL('../../contracts/artifacts/', import.meta.url));

/** Reads a committed artifact of one of our contracts. */
export async function loadArtifact(name: 'rollup' | 'l1-messenger' | 'traffic'): Promise<ContractArtifact> {
  return JSON.parse(await readFile(`${ARTIFACTS_DIR}${name}.json`, 'utf8')) as ContractArtifact;
}

/** The committed verifier for the dev CRS (a `VerifierArtifact`). */
export const verifierPath = (aggregation: Aggregation): string => `${ARTIFACTS_DIR}verifier-${aggregation}-dev.json`;
