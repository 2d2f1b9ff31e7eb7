/** Command line, login and statements file of the producer. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { ConfigError, UsageError } from '../../../../lib/component/refusal.ts';
import { parseBytes, parseDurationMs } from '../../../../lib/units.ts';
import type { Credentials } from '../../protocol/client/client.ts';

/** A statement that this producer proves, and at what price. */
export interface Offer {
  statementKey: string;
  cost: number;
  /** Open asks that are kept in the book. */
  limit: number;
  /** Minutes, promised. */
  evalTimeMin: number | undefined;
}

export interface ProducerOptions {
  url: string;
  credentials: Credentials;
  offers: Offer[];
  /** Folder of this producer's files; producers of one user may share it. */
  dbPath: string;
  /** The user's generator; undefined: the reference one. */
  binary: string | undefined;
  smp: number | undefined;
  shard0MemScale: number | undefined;
  memoryBytes: number | undefined;
  /** Time of one run of the generator, at most. */
  timeoutMs: number;
  pollMs: number;
  /** Under which asks are its own, also after a restart; absent: the process's own name. */
  owner: string | undefined;
  /** Absent: no metrics. */
  metricsPort: number | undefined;
}

/** Of upstream's daemon, and those of the generator. */
const FLAGS = {
  url: { type: 'string' },
  'db-path': { type: 'string', default: '/tmp/proof-producer' },
  statements: { type: 'string' },
  auth: { type: 'string' },
  limit: { type: 'string', default: '1' },
  'proof-generator': { type: 'string' },
  smp: { type: 'string' },
  'shard0-mem-scale': { type: 'string' },
  memory: { type: 'string' },
  timeout: { type: 'string', default: '10m' },
  'poll-interval': { type: 'string', default: '300ms' },
  owner: { type: 'string' },
  'metrics-port': { type: 'string' },
} as const;

type Env = Readonly<Record<string, string | undefined>>;

/** @throws UsageError for the command line, ConfigError for a file */
export async function readOptions(argv: readonly string[], env: Env): Promise<ProducerOptions> {
  const values = parseFlags(argv);
  const limit = natural('--limit', values.limit) ?? 1;
  return {
    url: marketUrl(values.url),
    credentials: await readCredentials(values.auth, env),
    offers: await readOffers(values.statements, limit),
    dbPath: resolve(values['db-path']),
    binary: values['proof-generator'] && resolve(values['proof-generator']),
    smp: natural('--smp', values.smp),
    shard0MemScale: natural('--shard0-mem-scale', values['shard0-mem-scale']),
    memoryBytes: values.memory === undefined ? undefined : unit('--memory', parseBytes, values.memory),
    timeoutMs: unit('--timeout', parseDurationMs, values.timeout),
    pollMs: Math.max(20, unit('--poll-interval', parseDurationMs, values['poll-interval'])),
    owner: values.owner,
    metricsPort: natural('--metrics-port', values['metrics-port']),
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function marketUrl(url: string | undefined): string {
  if (url === undefined) throw new UsageError('--url=<root of the market> is missing');
  if (/^https?:\/\/[^/]/.test(url) && URL.canParse(url)) return url;
  throw new UsageError(`--url takes an http address, not '${url}'`);
}

function natural(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new UsageError(`${flag} takes a natural number, not '${value}'`);
}

function unit(flag: string, read: (value: string) => number, value: string): number {
  try {
    return read(value);
  } catch (error) {
    throw new UsageError(`${flag}: ${(error as Error).message}`);
  }
}

const CREDENTIALS = z.strictObject({ username: z.string().min(1), secret: z.string().min(1) });

/** `{username, secret}` in a file, or NIL_USER and NIL_SECRET, as upstream's later tools have them. */
async function readCredentials(file: string | undefined, env: Env): Promise<Credentials> {
  if (file !== undefined) {
    const { username, secret } = await readJsonFile(file, CREDENTIALS);
    return { username, password: secret };
  }
  const { NIL_USER: username, NIL_SECRET: password } = env;
  if (username && password) return { username, password };
  throw new UsageError('no login: give --auth=<file with {"username","secret"}>, or set NIL_USER and NIL_SECRET');
}

const count = z.int().min(1).max(100);
/** `MY_STATEMENTS` of upstream's daemon, which has the limit under both of its names. */
const OFFERS = z.record(
  z.string(),
  z.strictObject({
    cost: z.number().positive(),
    limit: count.optional(),
    asks_limit: count.optional(),
    proposals_limit: count.optional(),
    eval_time: z.number().positive().optional(),
  }),
);

async function readOffers(file: string | undefined, limit: number): Promise<Offer[]> {
  if (file === undefined) throw new UsageError('--statements=<file with {"<key>":{"cost":…}}> is missing');
  const offers = Object.entries(await readJsonFile(file, OFFERS)).map(([statementKey, offer]) => ({
    statementKey,
    cost: offer.cost,
    limit: offer.limit ?? offer.asks_limit ?? offer.proposals_limit ?? limit,
    evalTimeMin: offer.eval_time,
  }));
  if (offers.length === 0) throw new ConfigError(`${file}: no statement in it`);
  const odd = offers.find(({ statementKey }) => !/^\d{1,18}$/.test(statementKey));
  if (odd !== undefined)
    throw new ConfigError(`${file}: "${odd.statementKey}" is not a statement key, a decimal number`);
  return offers;
}

async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`${path}: ${(error as Error).message}`);
  }
  const { success, data, error } = schema.safeParse(raw);
  if (success) return data;
  throw new ConfigError(`${path}: ${z.prettifyError(error).replaceAll('\n', ' ')}`);
}
