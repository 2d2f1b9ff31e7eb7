/** Flags of `chain create`, which `ecosystem create` has too, and the questions behind them. */
import { DevkitError } from '../core/errors.ts';
import type { ChainCreateInput } from '../services/ecosystem/create.ts';
import type { CommandContext, RemovedFlag } from './define.ts';
import { choice, flag, type InputOf, int, optionalBool, text } from './options.ts';

const ETH_TOKEN = '0x0000000000000000000000000000000000000001';
const MAX_CHAIN_ID = 0xffff_ffff;

export const CHAIN_OPTIONS = {
  chainName: text('name of the chain', { placeholder: 'name' }),
  chainId: text('number, or `sequential`: 271 + number of chains', { placeholder: 'n|sequential' }),
  proverMode: choice('what proves the batches', ['no-proofs', 'gpu']),
  walletCreation: choice('where the wallets come from', ['localhost', 'random', 'empty', 'in-file']),
  walletPath: text('wallets.yaml for --wallet-creation in-file', { placeholder: 'path' }),
  l1BatchCommitDataGeneratorMode: choice('where the data of a batch goes', ['rollup', 'validium']),
  baseTokenAddress: text('address of the base token', { placeholder: 'address' }),
  baseTokenPriceNominator: int('price of the base token', { min: 1 }),
  baseTokenPriceDenominator: int('price of the base token', { min: 1 }),
  setAsDefault: optionalBool('make it the default chain'),
  legacyBridge: flag('recorded; there is no bridge'),
  evmEmulator: optionalBool('recorded; the reference chain runs EVM code as it is'),
  tightPorts: flag('take the next free ports instead of 100 per chain'),
  zksyncOs: flag('ZKsync OS VM: not part of the reference variant'),
  updateSubmodules: optionalBool('accepted: there are no submodules', { hidden: true }),
  skipSubmodulesCheckout: flag('accepted: there are no submodules', { hidden: true }),
};

export const REMOVED_CHAIN_FLAGS: Record<string, RemovedFlag> = {};

export type ChainFlags = InputOf<unknown, typeof CHAIN_OPTIONS>;

/** Every question of upstream; on anything but a terminal its default. */
export async function askChain(
  ctx: CommandContext,
  input: ChainFlags,
  defaults: { name: string; setAsDefault: boolean },
): Promise<ChainCreateInput> {
  if (input.zksyncOs) {
    throw new DevkitError('USAGE', '--zksync-os: the reference variant has the EraVM interfaces only', {
      hint: 'leave --zksync-os out',
    });
  }
  const { slugify } = await import('../services/ecosystem/files.ts');
  const { ask } = ctx;
  const name =
    input.chainName ??
    (await ask.text({ flag: '--chain-name', question: 'Name of the chain', default: defaults.name }));
  const proverMode =
    input.proverMode ??
    (await ask.choice({
      flag: '--prover-mode',
      question: 'What proves the batches?',
      choices: ['no-proofs', 'gpu'],
      default: 'gpu',
    }));
  const walletCreation =
    input.walletCreation ??
    (await ask.choice({
      flag: '--wallet-creation',
      question: 'Where do the wallets come from?',
      choices: ['localhost', 'random', 'empty', 'in-file'],
      default: 'localhost',
    }));
  return {
    name: slugify(name),
    chainId: await askChainId(ctx, input.chainId),
    proverMode,
    walletCreation,
    walletPath: await askWalletPath(ctx, input, walletCreation),
    commitMode:
      input.l1BatchCommitDataGeneratorMode ??
      (await ask.choice({
        flag: '--l1-batch-commit-data-generator-mode',
        question: 'Where does the data of a batch go?',
        choices: ['rollup', 'validium'],
        default: 'rollup',
      })),
    baseToken: baseTokenOf(input),
    setAsDefault: await askDefault(ctx, input, defaults),
    legacyBridge: input.legacyBridge,
    evmEmulator: input.evmEmulator ?? false,
    tightPorts: input.tightPorts,
  };
}

async function askChainId(ctx: CommandContext, given: string | undefined): Promise<number | undefined> {
  const text_ = given ?? (await ctx.ask.text({ flag: '--chain-id', question: 'Chain id', default: 'sequential' }));
  if (text_ === 'sequential') return undefined;
  const id = /^\d{1,10}$/.test(text_) ? Number(text_) : 0;
  if (id < 1 || id > MAX_CHAIN_ID) {
    throw new DevkitError('USAGE', `--chain-id takes a number from 1 to ${MAX_CHAIN_ID} or sequential, not "${text_}"`);
  }
  return id;
}

async function askWalletPath(ctx: CommandContext, input: ChainFlags, creation: string): Promise<string | undefined> {
  if (creation !== 'in-file') return undefined;
  const path = input.walletPath ?? (await ctx.ask.text({ flag: '--wallet-path', question: 'Path of wallets.yaml' }));
  return ctx.path(path);
}

async function askDefault(
  ctx: CommandContext,
  input: ChainFlags,
  defaults: { setAsDefault: boolean },
): Promise<boolean> {
  if (input.setAsDefault !== undefined) return input.setAsDefault;
  return ctx.ask.confirm({
    flag: '--set-as-default',
    question: 'Make it the default chain?',
    default: defaults.setAsDefault,
  });
}

function baseTokenOf(input: ChainFlags): ChainCreateInput['baseToken'] {
  const address = input.baseTokenAddress ?? ETH_TOKEN;
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
    throw new DevkitError('USAGE', `--base-token-address takes 0x and 40 hex digits, not "${address}"`);
  }
  return {
    address: address.toLowerCase(),
    nominator: input.baseTokenPriceNominator ?? 1,
    denominator: input.baseTokenPriceDenominator ?? 1,
  };
}
