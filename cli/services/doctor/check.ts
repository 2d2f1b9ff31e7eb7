import type { Amount } from '../../core/requirements.ts';

export type CheckState = 'ok' | 'warn' | 'fail';

/** One question about the machine. */
export interface DoctorCheck {
  id: string;
  title: string;
  state: CheckState;
  found: string;
  needed: string;
  /** What to do about it; absent when nothing is wrong. */
  fix?: string;
  /** Where the needed number comes from. */
  source?: string;
}

/** A check that may be of two or three states; the fix is told only when something is wrong. */
export function check(
  about: Pick<DoctorCheck, 'id' | 'title' | 'needed'> & { source?: string },
  found: { state: CheckState; found: string; fix?: string },
): DoctorCheck {
  const { id, title, needed, source } = about;
  return {
    id,
    title,
    state: found.state,
    found: found.found,
    needed,
    ...(source === undefined ? {} : { source }),
    ...(found.state === 'ok' || found.fix === undefined ? {} : { fix: found.fix }),
  };
}

/** A number against the least that works and what is good. */
export function amount(
  id: string,
  title: string,
  found: number,
  { least, good, source }: Amount,
  format: (value: number) => string,
  fix: string,
): DoctorCheck {
  const state = found < least ? 'fail' : found < good ? 'warn' : 'ok';
  const needed = least === good ? format(least) : `${format(least)}, better ${format(good)}`;
  return check({ id, title, needed, source }, { state, found: format(found), fix });
}
