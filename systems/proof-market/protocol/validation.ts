/** Reading request bodies. All throw MarketError with the answer for what they refuse. */
import { MAX_COST, MIN_COST } from './amounts.ts';
import { badRequest, badUserName } from './errors.ts';
import { isTooDeep } from './json.ts';
import type { Side } from './types.ts';

type Body = Readonly<Record<string, unknown>>;

export function asObject(body: unknown): Body {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('expected a JSON object');
  return body as Body;
}

const MAX_TEXT = 10_000;
/** NUL is the one character that PostgreSQL's text cannot hold. */
const isText = (value: unknown, max = MAX_TEXT): value is string =>
  typeof value === 'string' && value.length <= max && !value.includes('\0');

export function requiredText(body: Body, name: string, max = MAX_TEXT): string {
  const value = body[name];
  if (!isText(value, max) || value === '') throw badRequest(`"${name}" must be a text of 1 to ${max} characters`);
  return value;
}

export function optionalText(body: Body, name: string, max = MAX_TEXT): string | null {
  const value = body[name] ?? null;
  if (value !== null && !isText(value, max)) throw badRequest(`"${name}" must be a text of at most ${max} characters`);
  return value;
}

/** A document key: decimal text, or a number. Undefined for anything else. */
export function toKey(value: unknown): string | undefined {
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  return typeof text === 'string' && /^[1-9]\d{0,17}$/.test(text) ? text : undefined;
}

function optionalKey(body: Body, ...names: string[]): string | undefined {
  for (const name of names) {
    const value = body[name] ?? undefined;
    if (value === undefined) continue;
    const key = toKey(value);
    if (key === undefined) throw badRequest(`"${name}" must be a key: decimal digits`);
    return key;
  }
  return undefined;
}

export interface SignupRequest {
  user: string;
  password: string;
  email: string;
}

const USER_NAME = /^[A-Za-z0-9]{1,64}$/;
const MAX_PASSWORD = 1024;

export function readSignup(body: unknown): SignupRequest {
  const object = asObject(body);
  const { user } = object;
  if (typeof user !== 'string' || !USER_NAME.test(user)) throw badUserName();
  return { user, password: requiredText(object, 'passwd', MAX_PASSWORD), email: optionalText(object, 'email') ?? '' };
}

export interface NewStatement {
  name: string;
  description: string;
  url: string;
  inputDescription: string;
  type: string;
  isPrivate: boolean;
  definition: Readonly<Record<string, unknown>>;
  tag: string | null;
  childs: unknown[];
}

export function readStatement(body: unknown): NewStatement {
  const object = asObject(body);
  const { isPrivate = false, childs = [] } = object;
  if (typeof isPrivate !== 'boolean') throw badRequest('"isPrivate" must be true or false');
  if (!Array.isArray(childs)) throw badRequest('"childs" must be an array');
  const text = (name: string): string => optionalText(object, name) ?? '';
  return {
    name: requiredText(object, 'name', 256),
    description: text('description'),
    url: text('url'),
    inputDescription: text('input_description'),
    type: requiredText(object, 'type', 64),
    isPrivate,
    definition: readDefinition(definitionOf(object)),
    tag: optionalText(object, 'tag'),
    childs,
  };
}

/** The first `prepare_statement.py` wrote the keys beside the name, the circuit as `statement`. */
function definitionOf({ definition, statement, verification_key }: Body): unknown {
  return definition === undefined && statement !== undefined
    ? { proving_key: statement, verification_key }
    : definition;
}

function readDefinition(value: unknown): NewStatement['definition'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('"definition" must be an object with proving_key and verification_key');
  }
  if (isTooDeep(value)) throw badRequest('"definition" is nested too deep');
  const definition = value as Record<string, unknown>;
  for (const name of ['proving_key', 'verification_key']) {
    const key = definition[name];
    if (typeof key !== 'string' && (typeof key !== 'object' || key === null)) {
      throw badRequest(`"definition.${name}" must be a text or an object`);
    }
  }
  return definition;
}

export interface NewOrder {
  statementKey: string;
  statementSubkey: string;
  /** As it came; null when absent. */
  input: unknown;
  cost: number;
  evalTime: number | null;
  waitPeriod: number | null;
  ethId: string | number | null;
}

/** @throws MarketError 400 naming the field */
export function readOrder(body: unknown, side: Side): NewOrder {
  const object = asObject(body);
  const statementKey = optionalKey(object, 'statement_key');
  if (statementKey === undefined) throw badRequest('"statement_key" is missing');
  const { cost, input = null } = object;
  if (typeof cost !== 'number' || !(cost >= MIN_COST && cost <= MAX_COST)) {
    throw badRequest(`"cost" must be a number above 0 and at most ${MAX_COST}`);
  }
  if (isTooDeep(input)) throw badRequest('"input" is nested too deep');
  return {
    statementKey,
    statementSubkey: readSubkey(object['statement_subkey']),
    input: side === 'bid' ? input : null,
    cost,
    evalTime: optionalMinutes(object, 'eval_time'),
    waitPeriod: optionalMinutes(object, 'wait_period'),
    ethId: readEthId(object['eth_id']),
  };
}

/** A century. */
const MAX_MINUTES = 52_596_000;

function optionalMinutes(body: Body, name: string): number | null {
  const value = body[name] ?? null;
  if (value === null) return null;
  if (typeof value !== 'number' || !(value > 0 && value <= MAX_MINUTES)) {
    throw badRequest(`"${name}" must be a number of minutes above 0`);
  }
  return value;
}

function readSubkey(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (isText(value, 64) && value !== '') return value;
  throw badRequest('"statement_subkey" must be a text of 1 to 64 characters');
}

function readEthId(value: unknown): string | number | null {
  if (value === undefined || value === null) return null;
  if ((typeof value === 'number' && Number.isSafeInteger(value)) || isText(value, 80)) return value;
  throw badRequest('"eth_id" must be a whole number or a text');
}

export interface ProofRequest {
  proof: string;
  bidKey: string | undefined;
  askKey: string | undefined;
}

export function readProof(body: unknown): ProofRequest {
  const object = asObject(body);
  const bidKey = optionalKey(object, 'bid_key', 'request_key');
  const askKey = optionalKey(object, 'ask_key', 'proposal_key');
  if (bidKey === undefined && askKey === undefined) {
    throw badRequest('one of "bid_key", "ask_key", "request_key", "proposal_key" is needed');
  }
  const { proof } = object;
  const text = typeof proof === 'string' ? proof.trim() : '';
  if (!/^0x(?:[0-9a-f]{2})+$/i.test(text)) throw badRequest('"proof" must be hexadecimal text that begins with 0x');
  return { proof: text, bidKey, askKey };
}

export interface NewProducer {
  description: string;
  url: string | null;
  logo: string | null;
  ethAddress: string | null;
}

export function readProducer(body: unknown): NewProducer {
  const object = asObject(body);
  const ethAddress = optionalText(object, 'eth_address', 42);
  if (ethAddress !== null && !/^0x[0-9a-f]{40}$/i.test(ethAddress)) {
    throw badRequest('"eth_address" must be 0x and 40 hexadecimal digits');
  }
  return {
    description: requiredText(object, 'description'),
    url: optionalText(object, 'url'),
    logo: optionalText(object, 'logo'),
    ethAddress,
  };
}
