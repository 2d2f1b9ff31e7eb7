/** What a component needs and is not there yet is waited for, with one line that says what and why. */
import type { Logger } from '../../../../lib/component/log.ts';
import { poll } from '../../../../lib/deadline.ts';

/** Ready, or what is awaited and why, in words. */
export type Look<T> = { ready: T } | { missing: string };

const FIRST_INTERVAL_MS = 100;
const LAST_INTERVAL_MS = 1000;

/** Looks until it is ready. Logs what is missing once, and again when it changes. What `look` throws is passed on. */
export async function waitFor<T>(
  log: Pick<Logger, 'info'>,
  signal: AbortSignal,
  look: () => Promise<Look<T>>,
): Promise<T> {
  let said: string | undefined;
  const { value } = await poll(
    async () => {
      const found = await look();
      if ('ready' in found) return { value: found.ready };
      if (found.missing !== said) log.info(`waiting for ${found.missing}`);
      said = found.missing;
      return undefined;
    },
    { intervalMs: FIRST_INTERVAL_MS, maxIntervalMs: LAST_INTERVAL_MS, signal },
  );
  return value;
}
