/** Which database `prover-cli` talks to, and its config file. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { proverDatabase } from '../ecosystem/protocol-versions.ts';

const UPSTREAM_DEFAULT = 'postgres://postgres:notsecurepassword@localhost/prover_local';
const KEY = 'PLI__DB_URL';

type Env = Readonly<Record<string, string | undefined>>;

/** `PLI__CONFIG`, else `etc/pliconfig` of the workspace. */
export const configFile = (ctx: ServiceContext, env: Env): string =>
  env['PLI__CONFIG'] || join(ctx.paths.workspace, 'etc', 'pliconfig');

/** First that is there: argument, `PLI__DB_URL`, config file, the ecosystem's secrets.yaml, upstream's default. */
export async function proverCliDatabase(ctx: ServiceContext, env: Env, given: string | undefined): Promise<string> {
  const url =
    given ?? (env[KEY] || undefined) ?? (await fromConfigFile(configFile(ctx, env))) ?? (await ofEcosystem(ctx));
  return checkedUrl(url ?? UPSTREAM_DEFAULT);
}

/** `config`: `PLI__DB_URL=<url>`; other lines stay. */
export async function writeConfig(ctx: ServiceContext, env: Env, url: string): Promise<{ file: string; url: string }> {
  const file = configFile(ctx, env);
  const lines = (await readLines(file)).filter((line) => !line.startsWith(`${KEY}=`));
  // the URL has a password in it
  await writeFileAtomic(file, `${[...lines, `${KEY}=${checkedUrl(url)}`].join('\n')}\n`, { mode: 0o600 });
  return { file, url };
}

async function fromConfigFile(file: string): Promise<string | undefined> {
  const line = (await readLines(file)).find((candidate) => candidate.startsWith(`${KEY}=`));
  return line?.slice(KEY.length + 1).trim() || undefined;
}

async function readLines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function ofEcosystem(ctx: ServiceContext): Promise<string | undefined> {
  try {
    return await proverDatabase(ctx);
  } catch (error) {
    if (error instanceof DevkitError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return url;
  throw new DevkitError('USAGE', `"${url}" is neither a command of prover-cli nor a database URL`, {
    hint: 'devkit prover-cli postgres://postgres:notsecurepassword@localhost:5432/zksync_prover_localhost_era status batch -n 1',
  });
}
