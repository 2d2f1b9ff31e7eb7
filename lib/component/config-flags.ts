import { parseArgs } from 'node:util';
import { UsageError } from './refusal.ts';

/** Flags of the components that take nothing but their configuration. */
export interface ConfigFlags {
  configPath: string;
  secretsPath: string;
}

/** `--config-path` and `--secrets-path`, strict. `configFile`: name of the former's file, for messages. @throws UsageError */
export function parseConfigFlags(argv: readonly string[], configFile: string): ConfigFlags {
  let values: { 'config-path'?: string | undefined; 'secrets-path'?: string | undefined };
  try {
    const options = { 'config-path': { type: 'string' }, 'secrets-path': { type: 'string' } } as const;
    values = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { 'config-path': configPath, 'secrets-path': secretsPath } = values;
  if (!configPath) throw new UsageError(`--config-path=<${configFile}> is missing`);
  if (!secretsPath) throw new UsageError('--secrets-path=<secrets.yaml> is missing');
  return { configPath, secretsPath };
}
