/** Which verification keys the contracts on L1 have. */
import { type Address, parseAbi } from 'viem';
import { publicClient } from '../protocol/l1/clients.ts';
import type { Wrappers } from './wrappers.ts';

const abi = parseAbi([
  'function verificationKeyHash() view returns (bytes32)',
  'function verificationKeyHash(uint256 verifierType) view returns (bytes32)',
]);

/** Verifier types of upstream's dual verifier: 0 FFLONK, 1 PLONK. */
const FFLONK = 0n;

export interface L1Verifier {
  rpcUrl: string;
  chainId: number;
  /** Tried in this order: `verifier_addr`, then what else may answer (the reference rollup does so itself). */
  addresses: readonly Address[];
}

/** The hashes and who said them. @throws Error of the client when no address answers */
export async function readVerifierHashes({
  rpcUrl,
  chainId,
  addresses,
}: L1Verifier): Promise<{ wrappers: Wrappers; address: Address }> {
  const client = publicClient({ rpcUrl, chainId });
  let failure: unknown = new Error('no address of a verifier is known');
  for (const address of addresses) {
    try {
      const snark = await client.readContract({ address, abi, functionName: 'verificationKeyHash', args: [] });
      // verifiers before FFLONK have no such overload
      const fflonk = await client
        .readContract({ address, abi, functionName: 'verificationKeyHash', args: [FFLONK] })
        .catch(() => null);
      return { wrappers: { snark, fflonk }, address };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
