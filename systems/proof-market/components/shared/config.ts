/** Command line and YAML files of a component. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { type ZodType, z } from 'zod';
import { ConfigError, UsageError } from './run-component.ts';

export interface ConfigFlags {
  configPath: string;
  secretsPath: string;
}

/** `--config-path` and `--secrets-path`, strict. @throws UsageError */
export function parseConfigFlags(argv: readonly string[]): ConfigFlags {
  let values: { 'config-path'?: string | undefined; 'secrets-path'?: string | undefined };
  try {
    const options = { 'config-path': { type: 'string' }, 'secrets-path': { type: 'string' } } as const;
    values = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { 'config-path': configPath, 'secrets-path': secretsPath } = values;
  if (!configPath) throw new UsageError('--config-path=<file.yaml> is missing');
  if (!secretsPath) throw new UsageError('--secrets-path=<secrets.yaml> is missing');
  return { configPath, secretsPath };
}

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
