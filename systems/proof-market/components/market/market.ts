/** The market: database, HTTP server, expiry. */
import { listenHttp } from '../../../../lib/component/http.ts';
import type { Logger } from '../../../../lib/component/log.ts';
import { sleep } from '../../../../lib/deadline.ts';
import { isConnectionError, type Pool } from '../../../../lib/postgres.ts';
import { redactUrl } from '../../../../lib/redact.ts';
import { createMarketSchema, openMarketDb } from '../../protocol/db.ts';
import { expire } from '../../protocol/expiry.ts';
import { insertStatement, keepStatements } from '../../protocol/statements.ts';
import type { Clock, MarketTerms } from '../../protocol/types.ts';
import { tokenSecret } from '../../protocol/users.ts';
import type { NewStatement } from '../../protocol/validation.ts';
import type { ProofVerifier } from '../../protocol/verifier.ts';
import type { MarketConfig } from './config.ts';
import { createMarketServer } from './server.ts';

/** A statement that is there from the start, under its known key. */
export interface SeedStatement {
  key: string;
  /** User name; need not exist. */
  sender: string;
  statement: NewStatement;
}

export interface MarketOptions {
  config: MarketConfig;
  verifier: ProofVerifier;
  statements: readonly SeedStatement[];
  log: Logger;
  signal: AbortSignal;
  clock?: Clock;
  /** Called once the port is open. */
  onReady?: (port: number) => void;
}

const RETRY_MS = { first: 100, max: 2_000 } as const;

/** Runs until the signal is aborted. */
export async function runMarket(options: MarketOptions): Promise<void> {
  const { config, verifier, log, signal, clock = Date.now } = options;
  await prepareDatabase(config.databaseUrl, log, signal);
  const onError = (error: Error): void => log.warn(`database connection lost: ${error.message}`);
  const pool = openMarketDb(config.databaseUrl, { max: config.maxConnections, onError });
  try {
    for (const { key, sender, statement } of options.statements) {
      const added = await insertStatement(pool, sender, statement, { key, now: clock() });
      if (added) log.info({ statement: key, title: statement.name }, 'statement published');
    }
    const secret = await tokenSecret(pool);
    const shared = {
      pool,
      statementOf: keepStatements(pool),
      terms: config.terms,
      verifier,
      secret,
      clock,
      log,
      signal,
    };
    const app = createMarketServer(shared);
    await using http = await listenHttp(app, 'market', config.http);
    log.info({ port: http.port, host: config.http.host }, 'market ready');
    options.onReady?.(http.port);
    await expireUntilAborted(pool, config, { clock, log, signal });
  } finally {
    await pool.end();
  }
}

/** Creates database and tables; says once what it waits for while the database server is not there. */
async function prepareDatabase(url: string, log: Logger, signal: AbortSignal): Promise<void> {
  for (let delayMs: number = RETRY_MS.first; ; delayMs = Math.min(2 * delayMs, RETRY_MS.max)) {
    try {
      return await createMarketSchema(url);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      const text = `waiting for the market's database ${redactUrl(url)}: ${(error as Error).message}`;
      if (delayMs === RETRY_MS.first) log.info(text);
      await sleep(delayMs, signal);
    }
  }
}

async function expireUntilAborted(
  pool: Pool,
  { terms, expiryIntervalMs }: { terms: MarketTerms; expiryIntervalMs: number },
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  let away = false;
  while (!signal.aborted) {
    try {
      const expired = await expire(pool, { terms, now: clock() });
      if (expired.withdrawn + expired.late > 0) log.info({ ...expired }, 'orders expired');
      if (away) log.info('the database is back');
      away = false;
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      if (!away) log.warn(`database not available, trying again: ${(error as Error).message}`);
      away = true;
    }
    await sleep(expiryIntervalMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
