/** `node …/market/main.ts --config-path=market.yaml --secrets-path=secrets.yaml` */
import { parseConfigFlags } from '../../../../lib/component/config-flags.ts';
import { type ComponentContext, runComponent } from '../../../../lib/component/run-component.ts';
import { exampleStatement } from '../../protocol/proving/example.ts';
import { canonicalPublicInput, PublicInputError } from '../../protocol/proving/public-input.ts';
import { createVerifier } from '../../protocol/proving/verify.ts';
import { EXAMPLE_STATEMENT_KEY } from '../../protocol/types.ts';
import { readStatement } from '../../protocol/validation.ts';
import type { ProofVerifier } from '../../protocol/verifier.ts';
import { loadMarketConfig } from './config.ts';
import { runMarket } from './market.ts';

async function main({ log, signal }: ComponentContext): Promise<void> {
  const config = await loadMarketConfig(parseConfigFlags(process.argv.slice(2), 'market.yaml'));
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
