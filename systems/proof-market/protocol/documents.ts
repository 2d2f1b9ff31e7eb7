/** Rows as the documents that clients get: Arango's envelope, both generations of names. */
import type { OrderRow, Side } from './types.ts';

/** Names of the collections: G1 (`bid`, `ask`) and G2 (`request`, `proposal`). */
export type OrderCollection = 'bid' | 'ask' | 'request' | 'proposal';

export const sideOf = (collection: OrderCollection): Side =>
  collection === 'bid' || collection === 'request' ? 'bid' : 'ask';

type Document = Record<string, unknown>;

export function envelope(collection: string, row: { key: string; revision: number; updated_on: string }): Document {
  return {
    _key: row.key,
    _id: `${collection}/${row.key}`,
    _rev: `_${Number(row.updated_on).toString(36)}-${row.revision}`,
  };
}

/** Fields whose value is not there are left out; `eval_time` and `wait_period` are always there. */
export function orderDocument(collection: OrderCollection, order: OrderRow, input: unknown): Document {
  const other = order.side === 'bid' ? ['ask_key', 'proposal_key'] : ['bid_key', 'request_key'];
  const counterpart = order.counterpart_key;
  return {
    ...envelope(collection, order),
    statement_key: order.statement_key,
    ...(order.statement_subkey === '' ? {} : { statement_subkey: order.statement_subkey }),
    ...(order.side === 'bid' ? { input } : {}),
    cost: order.cost,
    eval_time: order.eval_time,
    wait_period: order.wait_period,
    ...(order.eth_id === null ? {} : { eth_id: JSON.parse(order.eth_id) as unknown }),
    sender: order.sender,
    status: order.status,
    ...(counterpart === null ? {} : Object.fromEntries(other.map((name) => [name, counterpart]))),
    ...(order.side === 'ask' && order.matched_on !== null ? { matched_time: Number(order.matched_on) } : {}),
    ...(order.proof_key === null ? {} : { proof_key: order.proof_key }),
    ...(order.generation_time === null ? {} : { generation_time: order.generation_time }),
    createdOn: Number(order.created_on),
    updatedOn: Number(order.updated_on),
  };
}

export interface ProofRow {
  key: string;
  bid_key: string;
  ask_key: string;
  sender: string;
  requester: string;
  statement_key: string;
  statement_name: string;
  /** JSON. */
  input: string | null;
  generation_time: number;
  /** Absent unless asked for; null for those who may not have it. */
  proof?: string | null;
  revision: number;
  created_on: string;
  updated_on: string;
}

export function proofDocument(row: ProofRow, input: unknown): Document {
  return {
    ...envelope('proof', row),
    bid_key: row.bid_key,
    request_key: row.bid_key,
    ask_key: row.ask_key,
    proposal_key: row.ask_key,
    sender: row.sender,
    statement_key: row.statement_key,
    statement_name: row.statement_name,
    input,
    generation_time: row.generation_time,
    createdOn: Number(row.created_on),
    updatedOn: Number(row.updated_on),
    ...((row.proof ?? null) === null ? {} : { proof: row.proof }),
  };
}

export interface StatementRow {
  key: string;
  name: string;
  description: string;
  url: string;
  input_description: string;
  type: string;
  is_private: boolean;
  /** JSON. */
  definition: string;
  tag: string | null;
  /** JSON. */
  childs: string;
  sender: string;
  revision: number;
  created_on: string;
  updated_on: string;
}

export function statementDocument(row: StatementRow, definition: unknown): Document {
  return {
    ...envelope('statement', row),
    name: row.name,
    description: row.description,
    url: row.url,
    input_description: row.input_description,
    type: row.type,
    isPrivate: row.is_private,
    definition,
    ...(row.tag === null ? {} : { tag: row.tag }),
    childs: JSON.parse(row.childs) as unknown,
    sender: row.sender,
    createdOn: Number(row.created_on),
    updatedOn: Number(row.updated_on),
  };
}

export interface ProducerRow {
  key: string;
  name: string;
  description: string;
  url: string | null;
  logo: string | null;
  eth_address: string | null;
  revision: number;
  created_on: string;
  updated_on: string;
}

export function producerDocument(row: ProducerRow): Document {
  return {
    ...envelope('producer', row),
    description: row.description,
    url: row.url,
    ...(row.logo === null ? {} : { logo: row.logo }),
    ...(row.eth_address === null ? {} : { eth_address: row.eth_address }),
    name: row.name,
    createdOn: Number(row.created_on),
    updatedOn: Number(row.updated_on),
  };
}
