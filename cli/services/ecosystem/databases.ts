/** Databases are made and dropped through the server's own `postgres` database. */
import pg from 'pg';
import { redactUrl } from '../../../lib/redact.ts';
import { DevkitError } from '../../core/errors.ts';

export interface DatabaseChange {
  url: string;
  /** Drop it first if it is there. */
  drop: boolean;
}

/**
 * Makes the database unless it is there.
 * @returns whether it is new (or newly made)
 * @throws DevkitError COMPONENT_FAILED when the server does not answer
 */
export async function ensureDatabase({ url, drop }: DatabaseChange): Promise<{ created: boolean; dropped: boolean }> {
  const name = databaseIn(url);
  const admin = await connectAdmin(url);
  try {
    const there = ((await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])).rowCount ?? 0) > 0;
    if (there && !drop) return { created: false, dropped: false };
    if (there) await admin.query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
    return { created: true, dropped: there };
  } finally {
    await admin.end();
  }
}

/** Whether the database exists. */
export async function hasDatabase(url: string): Promise<boolean> {
  const admin = await connectAdmin(url);
  try {
    const found = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseIn(url)]);
    return (found.rowCount ?? 0) > 0;
  } finally {
    await admin.end();
  }
}

function databaseIn(url: string): string {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  if (name === '') throw new DevkitError('USAGE', `${redactUrl(url)} names no database`);
  return name;
}

async function connectAdmin(url: string): Promise<pg.Client> {
  const admin = new URL(url);
  admin.pathname = '/postgres';
  return connect(admin.toString());
}

/** A connected client. @throws DevkitError COMPONENT_FAILED when the server does not answer, NOT_FOUND without the database */
export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    return client;
  } catch (cause) {
    throw databaseError(url, cause);
  }
}

export function databaseError(url: string, cause: unknown): DevkitError {
  const { code, message } = cause as { code?: string; message: string };
  if (code === '3D000') {
    return new DevkitError('NOT_FOUND', `there is no database at ${redactUrl(url)}`, {
      hint: 'devkit prover init --setup-database=true --use-default=true --dont-drop=true',
      cause,
    });
  }
  return new DevkitError('COMPONENT_FAILED', `cannot connect to ${redactUrl(url)}: ${message || code}`, {
    hint: 'devkit containers   (starts the database)',
    cause,
  });
}
