import { execFile } from 'node:child_process';

/** What a program answered. `missing`: it is not there; `failed`: it ended with a code, or not in time. */
export type Answer =
  | { kind: 'ok'; text: string }
  | { kind: 'missing' }
  | { kind: 'failed'; exitCode: number | undefined; text: string };

export interface RunOptions {
  /** Variables of the program, also used to find it. */
  env: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal;
}

const ANSWER_MS = 10_000;

/** Runs the first of the programs that is there. Both outputs count: some say what is wrong on stdout. */
export async function ask(programs: readonly string[], args: readonly string[], options: RunOptions): Promise<Answer> {
  for (const program of programs) {
    const answer = await askOne(program, args, options);
    if (answer.kind !== 'missing') return answer;
  }
  return { kind: 'missing' };
}

function askOne(program: string, args: readonly string[], { env, signal }: RunOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { timeout: ANSWER_MS, env: { ...env, LC_ALL: 'C' }, ...(signal === undefined ? {} : { signal }) },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ kind: 'ok', text: stdout });
        if (signal?.aborted) return reject(signal.reason);
        const { code, killed } = error as { code?: number | string; killed?: boolean };
        if (code === 'ENOENT' || code === 'EACCES') return resolve({ kind: 'missing' });
        const text = killed ? `no answer within ${ANSWER_MS / 1000} s` : `${stdout}${stderr}`.trim();
        resolve({ kind: 'failed', exitCode: typeof code === 'number' ? code : undefined, text });
      },
    );
  });
}
