/** Programs on PATH that answer as NVIDIA's do on a given machine: what they print is data of the test. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Answers by a part of the command line; the first that fits counts. */
export type FakeAnswers = readonly { when: string; stdout?: string; stderr?: string; exitCode?: number }[];

export interface FakeMachine extends AsyncDisposable {
  dir: string;
  /** For whatever starts the programs: PATH holds nothing else. */
  env: Record<string, string>;
}

export async function fakeMachine(programs: Readonly<Record<string, FakeAnswers>>): Promise<FakeMachine> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-gpu-'));
  const bin = join(dir, 'bin');
  await mkdir(bin);
  for (const [name, answers] of Object.entries(programs)) {
    const path = join(bin, name);
    await writeFile(path, scriptOf(answers));
    await chmod(path, 0o755);
  }
  return {
    dir,
    env: { PATH: bin, CUDA_HOME: join(dir, 'no-cuda') },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

function scriptOf(answers: FakeAnswers): string {
  const cases = answers.map(
    ({ when, stdout = '', stderr = '', exitCode = 0 }) =>
      `*'${when}'*) printf '%s' '${stdout}'; printf '%s' '${stderr}' >&2; exit ${exitCode};;`,
  );
  return `#!/bin/sh\ncase " $* " in\n${cases.join('\n')}\n*) echo "unexpected arguments: $*" >&2; exit 99;;\nesac\n`;
}
