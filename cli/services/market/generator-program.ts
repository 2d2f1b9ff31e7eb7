/** An image's generator as a program with the generator's own command line, for those who start one by path. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { shellWord } from '../../../lib/shell.ts';
import type { ServiceContext } from '../context.ts';

const LAUNCHER = join(import.meta.dirname, '../../../devkit');

/** Absolute path of the program. `memoryBytes`: of the container; such a program takes no flag for it. */
export async function generatorProgram(
  { paths }: ServiceContext,
  image: string,
  memoryBytes: number | undefined,
): Promise<string> {
  const path = join(paths.dir, 'bin', 'proof-generator-in-image');
  const command = [LAUNCHER, 'market', 'proof', 'generate', '--image', image, '--devnet', paths.name];
  if (memoryBytes !== undefined) command.push('--memory', String(memoryBytes));
  const lines = [
    '#!/bin/sh',
    // what the generator says is read from the output
    'unset DEVKIT_JSON DEVKIT_QUIET',
    `cd ${shellWord(paths.workspace)} && exec ${command.map(shellWord).join(' ')} "$@"`,
  ];
  const text = `${lines.join('\n')}\n`;
  await writeFileAtomic(path, text, { mode: 0o755 });
  return path;
}
