/** secrets.yaml, genesis.yaml, wallets.yaml (contracts.yaml stays a plain tree: its keys are many and read one by one). */
import { ConfigError } from '../../../../lib/component/refusal.ts';
import { bool, choice, integer, readSection, type Source, subSection, text } from './fields.ts';

export function readSecrets(root: Source) {
  return {
    database: readSection(subSection(root, 'database'), {
      serverUrl: text('server_url', undefined),
      proverUrl: text('prover_url', undefined),
    }),
    l1: readSection(subSection(root, 'l1'), { rpcUrl: text('l1_rpc_url', undefined) }),
  };
}

export function readGenesis(root: Source) {
  return {
    ...readSection(root, {
      l1ChainId: integer('l1_chain_id', undefined),
      l2ChainId: integer('l2_chain_id', undefined),
      feeAccount: text('fee_account', undefined),
      commitDataGeneratorMode: choice('l1_batch_commit_data_generator_mode', ['Rollup', 'Validium'], 'Rollup'),
      /** `0.x.y` */
      protocolSemanticVersion: text('genesis_protocol_semantic_version', undefined),
      genesisRoot: text('genesis_root', undefined),
      genesisRollupLeafIndex: integer('genesis_rollup_leaf_index', undefined),
      genesisBatchCommitment: text('genesis_batch_commitment', undefined),
    }),
    prover: readSection(subSection(root, 'prover'), {
      dummyVerifier: bool('dummy_verifier', true),
      snarkWrapperVkHash: text(['recursion_scheduler_level_vk_hash', 'snark_wrapper_vk_hash'], undefined),
      fflonkSnarkWrapperVkHash: text('fflonk_snark_wrapper_vk_hash', undefined),
    }),
  };
}

export interface Wallet {
  address: string;
  privateKey: string | undefined;
}

/** By upstream's names: `operator`, `blob_operator`, `prove_operator`, …. */
export function readWallets(root: Source): Record<string, Wallet> {
  const wallets: Record<string, Wallet> = {};
  for (const [name, value] of Object.entries(root.raw)) {
    if (typeof value !== 'object' || value === null) continue;
    const { address, privateKey } = readSection(subSection(root, name), {
      address: text('address', undefined),
      privateKey: text('private_key', undefined),
    });
    if (address === undefined) throw new ConfigError(`${root.file}: ${name}.address: missing`);
    wallets[name] = { address, privateKey };
  }
  return wallets;
}
