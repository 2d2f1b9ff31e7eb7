/** `market proof …`: pushed by the producer, fetched by the requester. */
import { USUAL_USERS } from '../../../systems/proof-market/index.ts';
import { MarketResponseError, type ProofDocument } from '../../../systems/proof-market/protocol/client/client.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { readText, writeText } from './files.ts';
import { type Actor, actAs, answerOf, openMarket } from './session.ts';

export interface ProofPushInput extends Actor {
  bid?: string | undefined;
  ask?: string | undefined;
  /** Absolute. */
  file: string;
}

/** How the market says that a proof is not one of its order, and that a file is none at all. */
const NOT_VALID = /^the proof is not valid/;
const NO_PROOF = /^"proof" must be/;

/** @throws DevkitError PROOF_REJECTED for a proof that the market's verifier rejects, and a file that is none; USAGE for everything that is not about the proof */
export async function proofPush(ctx: ServiceContext, input: ProofPushInput): Promise<{ proof: ProofDocument }> {
  const { bid, ask: askKey } = input;
  if (bid === undefined && askKey === undefined) {
    throw new DevkitError('USAGE', 'whose proof is it? give --bid-key or --ask-key', {
      hint: 'devkit market ask get --ask-status processing   (your matched asks)',
    });
  }
  const { client } = await actAs(await openMarket(ctx), input, USUAL_USERS.producer);
  const text = (await readText('--file', input.file)).trim();
  const keys = { ...(bid === undefined ? {} : { bidKey: bid }), ...(askKey === undefined ? {} : { askKey }) };
  const { proof: _, ...proof } = await answerOf(client.proofs.push(text, keys, ctx.signal).catch(orRejected));
  return { proof };
}

function orRejected(error: unknown): never {
  if (!(error instanceof MarketResponseError)) throw error;
  const rejected = (hint: string): DevkitError =>
    new DevkitError('PROOF_REJECTED', error.answer, { hint, cause: error });
  if (NO_PROOF.test(error.answer)) throw rejected('nothing is lost: push the file that the generator wrote');
  if (!NOT_VALID.test(error.answer)) throw error;
  throw rejected('the ask is withdrawn and its deposit is lost; the bid is open again: devkit market ask push');
}

export interface ProofGetInput extends Actor {
  proof?: string | undefined;
  bid?: string | undefined;
  /** Absolute path for the text of the proof; absent: it is part of the result. */
  file?: string | undefined;
}

/** @throws DevkitError NOT_FOUND while the bid has none */
export async function proofGet(
  ctx: ServiceContext,
  input: ProofGetInput,
): Promise<{ proof: ProofDocument; file: string | null }> {
  const { client } = await actAs(await openMarket(ctx), input, USUAL_USERS.requester);
  const found = await answerOf(find(client.proofs, input, ctx.signal));
  if (input.file === undefined) return { proof: found, file: null };
  const { proof: text = '', ...proof } = found;
  await writeText(input.file, text);
  return { proof, file: input.file };
}

type Proofs = Awaited<ReturnType<typeof actAs>>['client']['proofs'];

async function find(proofs: Proofs, { proof, bid }: ProofGetInput, signal: AbortSignal): Promise<ProofDocument> {
  if (proof !== undefined) return proofs.get(proof, signal);
  if (bid === undefined) {
    throw new DevkitError('USAGE', 'which proof? give --proof-key or --bid-key', { hint: 'devkit market bid get' });
  }
  const found = await proofs.ofBid(bid, signal);
  if (found !== undefined) return found;
  throw new DevkitError('NOT_FOUND', `bid ${bid} has no proof that is yours to see`, {
    hint: `devkit market watch ${bid}`,
  });
}
