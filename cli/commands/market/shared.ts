/** What the market's commands share. */
import type { OrderDocument } from '../../../systems/proof-market/protocol/client/types.ts';
import { jsonText } from '../../../systems/proof-market/protocol/json.ts';
import { DevkitError } from '../../core/errors.ts';
import type { CommandContext } from '../define.ts';
import { int, text } from '../options.ts';

export const results = () => import('../../services/market/results.ts');

/** Who acts. */
export const ACTOR = {
  user: text('user that acts, one of `market user list`', { placeholder: 'name' }),
  auth: text(
    'file with the login of who acts: {"username","secret"}, or the header that the scripts keep in auth.json',
    {
      placeholder: 'file',
    },
  ),
};

interface ActorFlags {
  user: string | undefined;
  auth: string | undefined;
}

export const actorOf = (ctx: CommandContext, { user, auth }: ActorFlags): ActorFlags => ({
  user,
  auth: auth === undefined ? undefined : ctx.path(auth),
});

const MOST_SHARDS = 999_999;

/** How the generator divides threads and memory. */
export const SHARDS = {
  smp: int('shards of the generator, one thread each; default: the number of processors', { min: 1, max: MOST_SHARDS }),
  shard0MemScale: int('memory weight of shard 0', { long: 'shard0-mem-scale', min: 1, max: MOST_SHARDS }),
  memory: text('memory of the generator in all, like 16GiB; default: what this machine has', { placeholder: 'size' }),
};

/** Whose generator. */
export const GENERATOR = {
  proofGenerator: text('program of yours', { placeholder: 'path' }),
  image: text('image of yours, with the program in /usr/bin', {
    placeholder: 'reference',
    conflicts: ['proofGenerator'],
  }),
};

export const generatorOf = (
  ctx: CommandContext,
  { proofGenerator, image }: { proofGenerator: string | undefined; image: string | undefined },
) => ({ program: proofGenerator === undefined ? undefined : ctx.path(proofGenerator), image });

/** An amount of tokens, or minutes. @throws DevkitError USAGE */
export function positive(name: string, raw: string): number {
  const value = /^\d{1,15}(\.\d{1,18})?$/.test(raw) ? Number(raw) : Number.NaN;
  if (value > 0) return value;
  throw new DevkitError('USAGE', `${name} takes a number above 0, not "${raw}"`, { hint: `e.g. ${name} 2.5` });
}

export const optionalPositive = (name: string, raw: string | undefined): number | undefined =>
  raw === undefined ? undefined : positive(name, raw);

/** The market's keys. @throws DevkitError USAGE */
export function key(name: string, raw: string): string {
  if (/^[1-9]\d{0,17}$/.test(raw)) return raw;
  throw new DevkitError('USAGE', `${name} takes a key of the market, decimal digits, not "${raw}"`, {
    hint: 'devkit market statement list, devkit market bid get, devkit market ask get   (list them)',
  });
}

export const optionalKey = (name: string, raw: string | undefined): string | undefined =>
  raw === undefined ? undefined : key(name, raw);

/** Text of other users in a table: control characters, which a terminal would obey, as JSON writes them. */
export const visible = (text: string): string =>
  text.replace(/\p{Cc}/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** As the scripts print documents. */
export const jsonLines = (document: unknown): string[] => jsonText(document, 2).split('\n');

/** `created`, `processing, matched with ask 5`, `completed, proof 7`. */
export function orderState(order: OrderDocument): string {
  const other = order.ask_key ?? order.bid_key ?? order.proposal_key ?? order.request_key;
  const matched = other == null ? '' : `, matched with ${order.input === undefined ? 'bid' : 'ask'} ${other}`;
  const proof = order.proof_key == null ? '' : `, proof ${order.proof_key}`;
  return `${order.status}${matched}${proof}`;
}
