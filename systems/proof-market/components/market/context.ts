import type { Logger } from '../../../../lib/component/log.ts';
import type { Pool } from '../../../../lib/postgres.ts';
import type { FindStatement } from '../../protocol/statements.ts';
import type { Clock, MarketTerms } from '../../protocol/types.ts';
import type { ProofVerifier } from '../../protocol/verifier.ts';

/** What the routes share. */
export interface MarketContext {
  pool: Pool;
  statementOf: FindStatement;
  terms: MarketTerms;
  verifier: ProofVerifier;
  /** Signs tokens. */
  secret: string;
  clock: Clock;
  log: Logger;
  /** Ends verifications under way. */
  signal: AbortSignal;
}
