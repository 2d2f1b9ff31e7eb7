/** Documents of the market as its API gives them, in both vocabularies: bid/ask of the seed era, request/proposal of later scripts. */

export type OrderStatus = 'created' | 'processing' | 'completed' | 'withdrawn';

/** Which names the requests use; the server knows both. */
export type Vocabulary = 'bid' | 'request';

export interface Envelope {
  _key: string;
  _id: string;
  _rev: string;
  sender?: string;
  /** Milliseconds since the epoch. */
  createdOn: number;
  updatedOn: number;
}

export interface StatementDocument extends Envelope {
  name: string;
  description: string;
  url: string;
  input_description: string;
  type: string;
  isPrivate: boolean;
  definition: unknown;
}

export interface OrderDocument extends Envelope {
  statement_key: string;
  cost: number;
  status: OrderStatus;
  /** Minutes. */
  eval_time: number | null;
  wait_period: number | null;
  /** Of a bid. */
  input?: unknown;
  /** The counterpart of a bid, once matched. */
  ask_key?: string | null;
  proposal_key?: string | null;
  /** The counterpart of an ask, once matched. */
  bid_key?: string | null;
  request_key?: string | null;
  matched_time?: number | null;
  proof_key?: string | null;
  generation_time?: number | null;
}

export interface ProofDocument extends Envelope {
  statement_key: string;
  bid_key?: string | null;
  ask_key?: string | null;
  request_key?: string | null;
  proposal_key?: string | null;
  input?: unknown;
  /** Only with `full`. */
  proof?: string;
}

/** Clauses are ANDed; without `op` equal, `>` greater, `~` not equal. */
export interface Clause {
  key: string;
  value: unknown;
  op?: '>' | '~';
}

export interface Search {
  q?: readonly Clause[];
  limit?: number;
  skipped?: number;
}

export interface NewBid {
  statement_key: string;
  cost: number;
  input: unknown;
  statement_subkey?: string;
  eval_time?: number;
  wait_period?: number;
}

export type NewAsk = Omit<NewBid, 'input'>;

/** The bid that an ask was matched with, in whichever vocabulary the document is. */
export const bidOf = (ask: OrderDocument): string | undefined => ask.bid_key ?? ask.request_key ?? undefined;
export const askOf = (bid: OrderDocument): string | undefined => bid.ask_key ?? bid.proposal_key ?? undefined;
