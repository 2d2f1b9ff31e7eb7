/** Users of a devnet's market whose logins the kit keeps. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { DevkitError } from '../../cli/core/errors.ts';
import { readJson, writeFileAtomic } from '../../lib/atomic-file.ts';
import type { MarketFiles } from './files.ts';
import {
  type Credentials,
  createMarketClient,
  type MarketClient,
  MarketResponseError,
} from './protocol/client/client.ts';

/** Made by `up`: who requests proofs, and who makes them, unless a command says otherwise. */
export const USUAL_USERS = { requester: 'requester', producer: 'producer' } as const;

const DUPLICATE_USER = 1702;

/** What the market takes for a name; a file has the same. */
const NAME = /^[A-Za-z0-9]+$/;

export const newPassword = (): string => randomBytes(18).toString('base64url');

/** The login of a user that the kit made; undefined for others. */
export async function readUser(files: MarketFiles, name: string): Promise<Credentials | undefined> {
  if (!NAME.test(name)) return undefined;
  const found = await readJson<{ username: string; secret: string }>(files.user(name));
  return found && { username: found.username, password: found.secret };
}

export async function listUsers({ usersDir }: MarketFiles): Promise<string[]> {
  const names = await readdir(usersDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .filter((name) => NAME.test(name))
    .sort();
}

/** Keeps a login that the market has accepted. */
export async function keepUser(files: MarketFiles, { username, password }: Credentials): Promise<void> {
  await mkdir(files.usersDir, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify({ username, secret: password }, null, 2)}\n`;
  await writeFileAtomic(files.user(username), text, { mode: 0o600 });
}

/** Whether the market takes the login of a kept user. */
export async function canLogIn(url: string, files: MarketFiles, name: string, signal: AbortSignal): Promise<boolean> {
  const credentials = await readUser(files, name);
  if (credentials === undefined) return false;
  try {
    await createMarketClient({ url, credentials }).token(signal);
    return true;
  } catch (error) {
    if (error instanceof MarketResponseError && error.status === 401) return false;
    throw error;
  }
}

/**
 * A user with a password of the kit's; the one that is kept is used again, also in a market that was made anew.
 * @throws DevkitError ALREADY_EXISTS when somebody else has the name
 */
export async function ensureUser(
  url: string,
  files: MarketFiles,
  name: string,
  signal: AbortSignal,
): Promise<Credentials> {
  const known = await readUser(files, name);
  const credentials = known ?? { username: name, password: newPassword() };
  if (known !== undefined && (await canLogIn(url, files, name, signal))) return known;
  // kept first: a login that was made and not kept would be lost for good
  await keepUser(files, credentials);
  await signUp(createMarketClient({ url }), credentials, '', signal);
  return credentials;
}

/** @throws DevkitError ALREADY_EXISTS, USAGE for a name that is none */
export async function signUp(
  client: MarketClient,
  { username, password }: Credentials,
  email: string,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await client.signup({ user: username, passwd: password, email }, signal);
  } catch (error) {
    if (!(error instanceof MarketResponseError)) throw error;
    if (error.errorNum === DUPLICATE_USER) {
      throw new DevkitError('ALREADY_EXISTS', `there is a user '${username}' in this market already`, {
        hint: `another name, or with its password: devkit market user login --user ${username} --password …`,
        cause: error,
      });
    }
    if (error.status !== 400) throw error;
    throw new DevkitError('USAGE', `user '${username}' cannot be made: ${error.answer}`, {
      hint: 'a name is 1 to 64 letters and digits, a password at most 1024 characters',
      cause: error,
    });
  }
}
