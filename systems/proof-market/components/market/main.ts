/** `node …/market/main.ts --config-path=market.yaml --secrets-path=secrets.yaml` */
import { EXAMPLE_STATEMENT_KEY, exampleStatement } from '../../protocol/proving/example.ts';
import { canonicalPublicInput, PublicInputError } from '../../protocol/proving/public-input.ts';
import { createVerifier } from '../../protocol/proving/verify.ts';
import { readStatement } from '../../protocol/validation.ts';
import type { ProofVerifier } from '../../protocol/verifier.ts';
import { parseConfigFlags } from '../shared/config.ts';
import { type ComponentContext, runComponent } from '../shared/run-component.ts';
import { loadMarketConfig } from './config.ts';
import { runMarket } from './market.ts';

async function main({ log, signal }: ComponentContext): Promise<void> {
  const config = await loadMarketConfig(parseConfigFlags(process.argv.slice(2)));
  const statement = readStatement(await exampleStatement());
  const example = { key: EXAMPLE_STATEMENT_KEY, sender: 'nilfoundation', statement };
  const verifier: ProofVerifier = { ...createVerifier(), canonicalInput };
  await runMarket({ config, verifier, statements: [example], log, signal });
}

/** The numbers, whichever of the three forms they came in; anything else is only equal to itself. */
function canonicalInput(_statement: unknown, input: unknown): unknown {
  try {
    return canonicalPublicInput(input);
  } catch (error) {
    if (error instanceof PublicInputError) return { input };
    throw error;
  }
}

await runComponent('market', main);
