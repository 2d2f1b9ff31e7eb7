/** Component names of zksync-era's server and what of them this server has. */
import { Refusal } from '../../../../lib/component/refusal.ts';

export const COMPONENTS = [
  'http_api',
  'tree',
  'state_keeper',
  'housekeeper',
  'eth_watcher',
  'eth_tx_aggregator',
  'eth_tx_manager',
  'commitment_generator',
  'da_dispatcher',
  'vm_runner_protective_reads',
  'vm_runner_bwip',
  'proof_data_handler',
  'external_proof_integration_api',
] as const;
export type ComponentName = (typeof COMPONENTS)[number];

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  eth: ['eth_watcher', 'eth_tx_aggregator', 'eth_tx_manager'],
  // upstream's group also has ws_api and contract_verification_api, which are refused when asked for by name
  api: ['http_api'],
};

/** Names that upstream has and this server does not, with the reason. */
const ABSENT: Readonly<Record<string, string>> = {
  ws_api: 'JSON-RPC is served over HTTP only',
  contract_verification_api: 'there is no contract verifier',
  tree_api: 'the tree is not served over HTTP',
  eth_proof_manager: 'there are no proving networks',
  airbender_proof_data_handler: 'there is no Airbender prover',
  tee_proof_data_handler: 'there is no Airbender prover',
  base_token_ratio_persister: 'the base token is always ETH',
  vm_playground: 'there is no second VM to compare with',
};

/** Names in the default list that have nothing to do in a chain of one node. */
const NOTHING_TO_DO: readonly string[] = ['consensus'];

/** Upstream's list when `--components` is not given. */
export const DEFAULT_COMPONENTS =
  'api,tree,eth,state_keeper,housekeeper,commitment_generator,da_dispatcher,vm_runner_protective_reads,consensus';

/** A name in `--components` cannot be used; the message is for the user. */
export class ComponentNameError extends Refusal {
  override readonly name = 'ComponentNameError';
}

export interface Selection {
  components: ComponentName[];
  /** Accepted names that start nothing. */
  ignored: string[];
}

/** Reads the values of `--components` (comma lists, groups, repeats). @throws ComponentNameError */
export function selectComponents(values: readonly string[]): Selection {
  const names = values
    .flatMap((value) => value.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const chosen = new Set<string>();
  const ignored: string[] = [];
  for (const name of names) {
    if (NOTHING_TO_DO.includes(name)) ignored.push(name);
    else for (const part of GROUPS[name] ?? [known(name)]) chosen.add(part);
  }
  return { components: COMPONENTS.filter((name) => chosen.has(name)), ignored };
}

function known(name: string): string {
  if ((COMPONENTS as readonly string[]).includes(name)) return name;
  const reason = ABSENT[name];
  if (reason !== undefined) {
    throw new ComponentNameError(`component ${name} is not in the reference server: ${reason}; leave it out`);
  }
  const all = [...Object.keys(GROUPS), ...COMPONENTS, ...NOTHING_TO_DO].sort();
  throw new ComponentNameError(`unknown server component '${name}'; known are ${all.join(', ')}`);
}
