/** Accounts and tokens. Passwords are kept as scrypt hashes, tokens as SHA-256. */
import { createHash, createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Db, Pool } from '../../../lib/postgres.ts';
import { toAmount } from './amounts.ts';
import { inTransaction } from './db.ts';
import { duplicateUser, notAuthorized, wrongCredentials } from './errors.ts';
import { openAccounts } from './ledger.ts';
import type { MarketTerms } from './types.ts';
import type { SignupRequest } from './validation.ts';

const SCRYPT = { N: 16_384, r: 8, p: 1 } as const;
const KEY_BYTES = 32;

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_BYTES, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

const b64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64url');

async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return `scrypt$${b64(salt)}$${b64(await derive(password, salt))}`;
}

const NAME_TAKEN = 'users_pkey';

/** A new user with its opening balance. @throws MarketError `duplicate user` */
export async function signUp(
  pool: Pool,
  request: SignupRequest,
  terms: Pick<MarketTerms, 'openingBalance'>,
  now: number,
): Promise<void> {
  const hash = await hashPassword(request.password);
  try {
    await inTransaction(pool, async (db) => {
      await db.query('INSERT INTO users (name, password_hash, email, created_on) VALUES ($1, $2, $3, $4)', [
        request.user,
        hash,
        request.email,
        now,
      ]);
      await openAccounts(db, request.user, toAmount(terms.openingBalance), now);
    });
  } catch (error) {
    if ((error as { constraint?: string }).constraint === NAME_TAKEN) throw duplicateUser();
    throw error;
  }
}

/** Takes as long for an unknown user as for a wrong password. @throws MarketError 401 */
export async function checkPassword(db: Db, user: unknown, password: unknown): Promise<string> {
  if (typeof user !== 'string' || typeof password !== 'string' || user.includes('\0')) throw wrongCredentials();
  const { rows } = await db.query<{ password_hash: string }>('SELECT password_hash FROM users WHERE name = $1', [user]);
  const [, salt = '', key = ''] = (rows[0]?.password_hash ?? 'scrypt$AAAA$').split('$');
  const expected = Buffer.from(key, 'base64url');
  const derived = await derive(password, Buffer.from(salt, 'base64url'));
  if (expected.length !== KEY_BYTES || !timingSafeEqual(derived, expected)) throw wrongCredentials();
  return user;
}

export async function userExists(db: Db, user: string): Promise<boolean> {
  if (user.includes('\0')) return false;
  const { rowCount } = await db.query('SELECT 1 FROM users WHERE name = $1', [user]);
  return rowCount === 1;
}

const SECRET = 'jwt_secret';

/** The secret that signs tokens: made once and kept, so that tokens outlive a restart. */
export async function tokenSecret(db: Db): Promise<string> {
  await db.query('INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    SECRET,
    randomBytes(32).toString('hex'),
  ]);
  const { rows } = await db.query<{ value: string }>('SELECT value FROM settings WHERE name = $1', [SECRET]);
  return rows[0]!.value;
}

const sign = (text: string, secret: string): string => createHmac('sha256', secret).update(text).digest('base64url');
const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/** A token (HS256, Arango's claims) for a user whose password or token was checked. */
export async function issueToken(
  db: Db,
  user: string,
  options: { secret: string; lifetimeMs: number; now: number },
): Promise<string> {
  const { secret, lifetimeMs, now } = options;
  const claims = {
    preferred_username: user,
    iss: 'arangodb',
    iat: Math.floor(now / 1000),
    exp: Math.floor((now + lifetimeMs) / 1000),
    jti: b64(randomBytes(16)),
  };
  const body = `${b64(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))}.${b64(JSON.stringify(claims))}`;
  const token = `${body}.${sign(body, secret)}`;
  await db.query('INSERT INTO sessions (token_hash, user_name, expires_on) VALUES ($1, $2, $3)', [
    hashToken(token),
    user,
    claims.exp * 1000,
  ]);
  return token;
}

/** Whose token it is: well signed, given out by this market, not expired. @throws MarketError 401 */
export async function checkToken(db: Db, token: string, options: { secret: string; now: number }): Promise<string> {
  const [head = '', claims = '', signature = '', ...rest] = token.split('.');
  const expected = Buffer.from(sign(`${head}.${claims}`, options.secret));
  const given = Buffer.from(signature);
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) throw notAuthorized();
  const { rows } = await db.query<{ user_name: string }>(
    'SELECT user_name FROM sessions WHERE token_hash = $1 AND expires_on > $2',
    [hashToken(token), options.now],
  );
  if (rows[0] === undefined) throw notAuthorized();
  return rows[0].user_name;
}

export async function removeExpiredSessions(db: Db, now: number): Promise<void> {
  await db.query('DELETE FROM sessions WHERE expires_on <= $1', [now]);
}
