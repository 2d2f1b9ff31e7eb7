/** A public input that has no proof yet. */
import { randomInt } from 'node:crypto';
import type { MarketClient } from '../../../systems/proof-market/protocol/client/client.ts';
import { canonicalPublicInput, toLineForm } from '../../../systems/proof-market/protocol/proving/public-input.ts';
import { answerOf } from './session.ts';

/** The guide's. */
const EXAMPLE: readonly [bigint, bigint] = [1n, 11n];
const MOST = 2 ** 47;

/** The guide's example, `{"input":"1\n11"}`; once the market has a proof of that, two other numbers: a known proof would only be sold again. */
export async function chooseInput(client: MarketClient, statement: string, signal: AbortSignal): Promise<unknown> {
  const proofs = await answerOf(
    client.proofs.list({ q: [{ key: 'statement_key', value: statement }], limit: 1000 }, signal),
  );
  const proven = new Set(proofs.map(({ input }) => canonicalOf(input)));
  for (let values: readonly bigint[] = EXAMPLE; ; values = [BigInt(randomInt(MOST)), BigInt(randomInt(MOST))]) {
    if (!proven.has(values.join('\n'))) return toLineForm(values);
  }
}

/** Inputs of other statements' shapes are none of ours. */
function canonicalOf(input: unknown): string | undefined {
  try {
    return canonicalPublicInput(input);
  } catch {
    return undefined;
  }
}
