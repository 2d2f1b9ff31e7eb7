/** Questions on a terminal. Anywhere else nothing is asked. */
import { createInterface } from 'node:readline/promises';
import type { Ask, Question } from '../commands/define.ts';
import { DevkitError } from '../core/errors.ts';
import type { Io } from './io.ts';

export const isInteractive = (io: Io, json: boolean): boolean =>
  io.stdinIsTty && io.stdoutIsTty && io.streams !== undefined && !json;

export function makeAsk(io: Io, options: { yes: boolean; json: boolean; signal: AbortSignal }): Ask {
  const interactive = isInteractive(io, options.json);
  const question = (text: string): Promise<string> => readAnswer(io, text, options.signal);
  /** So that the next time it needs no question. */
  const remember = (flag: string, answer: string): void => io.stderr(`  ${flag}=${answer}\n`);

  return {
    async text(q) {
      if (!interactive) return q.default ?? missing(q);
      const answer = (await question(`${q.question}${q.default ? ` [${q.default}]` : ''}: `)).trim() || q.default;
      if (!answer) return missing(q);
      remember(q.flag, answer);
      return answer;
    },
    async choice(q) {
      if (!interactive) return q.default;
      for (;;) {
        const given = (await question(`${q.question} (${q.choices.join(', ')}) [${q.default}]: `)).trim() || q.default;
        const answer = q.choices.find((choice) => choice === given);
        if (answer) {
          remember(q.flag, answer);
          return answer;
        }
      }
    },
    async confirm(q) {
      if (!interactive) return q.default;
      const answer = (await question(`${q.question} [${q.default ? 'Y/n' : 'y/N'}]: `)).trim().toLowerCase();
      const yes = answer === '' ? q.default : answer.startsWith('y');
      remember(q.flag, String(yes));
      return yes;
    },
    async danger(q) {
      if (options.yes) return true;
      if (!interactive) {
        throw new DevkitError('USAGE', `${q.question} Not asked, because this is no terminal.`, {
          hint: 'repeat the command with --yes',
        });
      }
      const word = q.word ?? 'yes';
      return (await question(`${q.question} (${word}/no) [no]: `)).trim() === word;
    },
  };
}

function missing(q: Question): never {
  throw new DevkitError('USAGE', `${q.flag} is missing`, { hint: `add ${q.flag}=…` });
}

async function readAnswer(io: Io, text: string, signal: AbortSignal): Promise<string> {
  const streams = io.streams;
  if (!streams) return '';
  const reader = createInterface({ input: streams.stdin, output: streams.stderr });
  try {
    return await reader.question(text, { signal });
  } finally {
    reader.close();
  }
}
