/** Flags that `ecosystem init` and `chain init` share. */
import { DevkitError } from '../core/errors.ts';
import type { ChainInitInput } from '../services/ecosystem/init.ts';
import type { CommandContext } from './define.ts';
import { flag, type InputOf, optionalBool, text, url } from './options.ts';

const FORGE = 'accepted: contracts are deployed without forge';

export const INIT_OPTIONS = {
  l1RpcUrl: url("the L1's RPC; default: the devnet's own L1, which is started"),
  serverDbUrl: url("server of the core database; default: the devnet's own"),
  serverDbName: text('name of the core database', { placeholder: 'name' }),
  dontDrop: flag('keep the core database if it is there', { short: 'd' }),
  deployPaymaster: optionalBool('deploy the test paymaster: the reference variant has none'),
  noPortReallocation: flag("keep upstream's ports, also for further chains"),
  makePermanentRollup: optionalBool('accepted: there is no DA to give up'),
  skipPriorityTxs: flag('accepted: there are no priority transactions'),
  pauseDeposits: flag('accepted: there are no deposits'),
  serverCommand: text('replaces the server: not used for genesis here', { placeholder: 'command' }),
  noGenesis: flag('leave the core database alone', { short: 'n' }),
  dev: flag('no questions, local defaults'),
  zksyncOs: flag('ZKsync OS VM: not part of the reference variant'),
  additionalArgs: text(FORGE, { short: 'a', placeholder: 'args' }),
  resume: flag(FORGE),
  verify: flag(FORGE),
  verifier: text(FORGE, { placeholder: 'name' }),
  verifierUrl: text(FORGE, { placeholder: 'url' }),
  verifierApiKey: text(FORGE, { placeholder: 'key' }),
  zksync: flag(FORGE),
};

type InitFlags = InputOf<unknown, typeof INIT_OPTIONS>;

export function initInput(ctx: CommandContext, input: InitFlags): ChainInitInput {
  return {
    chain: ctx.globals.chain,
    l1RpcUrl: input.l1RpcUrl,
    serverDbUrl: input.serverDbUrl,
    serverDbName: input.serverDbName,
    dontDrop: input.dontDrop,
    noGenesis: input.noGenesis,
    noPortReallocation: input.noPortReallocation,
  };
}

/** What would change something that the reference variant does not have. */
export function refuseUnsupportedInit(
  ctx: CommandContext,
  input: Partial<InitFlags> & {
    deployEcosystem?: boolean | undefined;
    deployErc20?: boolean | undefined;
    ecosystemContractsPath?: string | undefined;
    observability?: boolean | undefined;
    validiumType?: string | undefined;
  },
): void {
  const refuse = (given: boolean, flagText: string, why: string): void => {
    if (given) throw new DevkitError('USAGE', `${flagText}: ${why}`, { hint: `leave ${flagText.split('=')[0]} out` });
  };
  refuse(input.zksyncOs === true, '--zksync-os', 'the reference variant has the EraVM interfaces only');
  refuse(input.ecosystemContractsPath !== undefined, '--ecosystem-contracts-path', 'the kit deploys its own contracts');
  refuse(input.deployEcosystem === false, '--deploy-ecosystem=false', 'a chain cannot be proven without its contracts');
  refuse(
    input.validiumType !== undefined && input.validiumType !== 'no-da',
    `--validium-type=${input.validiumType}`,
    'the reference variant knows no-da only',
  );
  const ignore = (given: unknown, flagText: string, why: string): void => {
    if (given) ctx.notice(`${flagText} is ignored: ${why}`);
  };
  ignore(input.observability, '--observability', 'the observability stack is not part of this build');
  ignore(input.deployErc20, '--deploy-erc20', 'the reference variant has no test tokens');
  ignore(input.deployPaymaster, '--deploy-paymaster', 'the reference variant has no paymaster');
  ignore(input.serverCommand, '--server-command', 'genesis does not run the server');
}
