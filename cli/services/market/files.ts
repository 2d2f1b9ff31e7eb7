/** Files that users give to and get from a market. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { shellWord } from '../../../lib/shell.ts';
import { isTooDeep, jsonText, parseJson } from '../../../systems/proof-market/protocol/json.ts';
import { DevkitError } from '../../core/errors.ts';

/** @throws DevkitError NOT_FOUND, naming the flag */
export async function readText(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new DevkitError('NOT_FOUND', `${flag} ${path}: ${why}`, { hint: `ls -l ${shellWord(dirname(path))}`, cause });
  }
}

/** Integers beyond 2^53 come as bigints. @throws DevkitError NOT_FOUND, CONFIG_INVALID naming the flag */
export async function readJsonOf(flag: string, path: string): Promise<unknown> {
  const text = await readText(flag, path);
  const unusable = (why: string, cause?: unknown): DevkitError =>
    new DevkitError('CONFIG_INVALID', `${flag} ${path}: ${why}`, {
      hint: MEND,
      ...(cause === undefined ? {} : { cause }),
    });
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw unusable(`not JSON: ${firstLine(cause as Error)}`, cause);
  }
  if (isTooDeep(value)) throw unusable('nested too deep');
  return value;
}

/** Of a file or a value that somebody finds wrong. */
export const MEND = 'mend that, then the same command again';

/** V8 quotes the text itself, with its line breaks. */
const firstLine = ({ message }: Error): string => message.replaceAll('\n', ' ');

const NOT_WRITABLE: Readonly<Record<string, string>> = {
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of it is a file',
  EEXIST: 'a part of it is a file',
};

/** Makes the folders that are missing. @throws DevkitError USAGE for a path that cannot be a file */
export async function writeText(path: string, text: string, options: { mode?: number } = {}): Promise<void> {
  try {
    await writeFileAtomic(path, text, options);
  } catch (cause) {
    const why = NOT_WRITABLE[(cause as NodeJS.ErrnoException).code ?? ''];
    if (why === undefined) throw cause;
    throw new DevkitError('USAGE', `${path} cannot be written: ${why}`, { hint: 'another path', cause });
  }
}

export const writeJson = (path: string, value: unknown): Promise<void> => writeText(path, `${jsonText(value)}\n`);
