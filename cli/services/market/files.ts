/** Files that users give to and get from a market. */
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { jsonText, parseJson } from '../../../systems/proof-market/protocol/json.ts';
import { DevkitError } from '../../core/errors.ts';

/** @throws DevkitError NOT_FOUND, naming the flag */
export async function readText(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new DevkitError('NOT_FOUND', `${flag} ${path}: ${why}`, { cause });
  }
}

/** Integers beyond 2^53 come as bigints. @throws DevkitError NOT_FOUND, CONFIG_INVALID naming the flag */
export async function readJsonOf(flag: string, path: string): Promise<unknown> {
  const text = await readText(flag, path);
  try {
    return parseJson(text);
  } catch (cause) {
    throw new DevkitError('CONFIG_INVALID', `${flag} ${path}: not JSON: ${(cause as Error).message}`, { cause });
  }
}

export const writeJson = (path: string, value: unknown): Promise<void> => writeFileAtomic(path, `${jsonText(value)}\n`);
