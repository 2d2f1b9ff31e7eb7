import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { type ZodType, z } from 'zod';
import { ConfigError } from '../../../../lib/component/refusal.ts';

/** A YAML file of the given shape. @throws ConfigError naming file and key */
export async function readYamlFile<T>(path: string, schema: ZodType<T>): Promise<T> {
  let raw: unknown;
  try {
    raw = parse(await readFile(path, 'utf8')) ?? {};
  } catch (error) {
    throw new ConfigError(`${path}: ${(error as Error).message}`);
  }
  const { success, data, error } = schema.safeParse(raw);
  if (success) return data;
  throw new ConfigError(`${path}: ${z.prettifyError(error).replaceAll('\n', ' ')}`);
}
