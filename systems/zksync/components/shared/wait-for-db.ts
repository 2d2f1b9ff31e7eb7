import type { Pool } from 'pg';
import type { Logger } from '../../../../lib/component/log.ts';
import { sleep } from '../../../../lib/deadline.ts';
import { isConnectionError } from '../../../../lib/postgres.ts';
import { redactUrl } from '../../../../lib/redact.ts';

const RETRY_MS = { first: 100, max: 2_000 } as const;

/**
 * Waits until the prover's database answers and has its tables, saying once what it waits for and why. Components may be
 * started in any order.
 */
export async function waitForProverDb(pool: Pool, url: string, log: Logger, signal: AbortSignal): Promise<void> {
  let said = '';
  for (let delayMs: number = RETRY_MS.first; ; delayMs = Math.min(delayMs * 2, RETRY_MS.max)) {
    const problem = await problemOf(pool);
    if (problem === undefined) break;
    const line = `waiting for the prover database ${redactUrl(url)}: ${problem}`;
    if (line !== said) log.info(line);
    said = line;
    await sleep(delayMs, signal);
  }
  if (said !== '') log.info('the prover database is there');
}

const UNKNOWN_DATABASE = '3D000';

async function problemOf(pool: Pool): Promise<string | undefined> {
  try {
    const { rows } = await pool.query<{ name: string | null }>(
      "SELECT to_regclass('proof_compression_jobs_fri')::text AS name",
    );
    return rows[0]?.name ? undefined : 'it has no tables yet (`devkit prover init` makes them)';
  } catch (error) {
    if ((error as { code?: string }).code === UNKNOWN_DATABASE)
      return 'not created yet (`devkit prover init` makes it)';
    if (isConnectionError(error)) return 'not reachable (`devkit containers` starts it)';
    throw error;
  }
}
