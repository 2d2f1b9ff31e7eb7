/** Orders as the rest of the protocol sees them, and what all use cases share. */
import type { SettlementTerms } from './settlement.ts';

export type Side = 'bid' | 'ask';
export type OrderStatus = 'created' | 'processing' | 'completed' | 'withdrawn';

/** Row of `orders`; keys are decimal texts, times milliseconds, `blocked` a decimal text of tokens. */
export interface OrderRow {
  key: string;
  side: Side;
  sender: string;
  statement_key: string;
  /** Empty: none. */
  statement_subkey: string;
  cost: number;
  eval_time: number | null;
  wait_period: number | null;
  eth_id: string | null;
  status: OrderStatus;
  blocked: string;
  input_hash: Buffer | null;
  counterpart_key: string | null;
  matched_on: string | null;
  due_on: string | null;
  verifying_until: string | null;
  expires_on: string | null;
  proof_key: string | null;
  generation_time: number | null;
  revision: number;
  created_on: string;
  updated_on: string;
}

/** How the market behaves; all of it from its configuration. */
export interface MarketTerms extends SettlementTerms {
  /** Test tokens of a new user. */
  openingBalance: number;
  /** Time for a proof when neither order names one. */
  generationTimeoutMs: number;
  tokenLifetimeMs: number;
}

/** The statement that every market starts with: the arithmetic example. */
export const EXAMPLE_STATEMENT_KEY = '32326';

export const MINUTE_MS = 60_000;

/** Milliseconds since the epoch. Passed in, so that tests can choose it. */
export type Clock = () => number;
