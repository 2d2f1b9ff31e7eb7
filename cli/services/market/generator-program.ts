/** An image's generator as a program with the generator's own command line, for those who start one by path. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { shellWord } from '../../../lib/shell.ts';
import type { ServiceContext } from '../context.ts';

const LAUNCHER = join(import.meta.dirname, '../../../devkit');

/** Absolute path of the program. */
export async function generatorProgram({ paths }: ServiceContext, image: string): Promise<string> {
  const path = join(paths.dir, 'bin', 'proof-generator-in-image');
  const command = [LAUNCHER, 'market', 'proof', 'generate', '--image', image, '--devnet', paths.name];
  const text = `#!/bin/sh\ncd ${shellWord(paths.workspace)} && exec ${command.map(shellWord).join(' ')} "$@"\n`;
  await writeFileAtomic(path, text, { mode: 0o755 });
  return path;
}
