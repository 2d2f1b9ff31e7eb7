/** What `up` does for a market beside starting its programs. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { DevkitError } from '../../cli/core/errors.ts';
import type { SystemPlace } from '../../cli/core/system.ts';
import type { Step, StepCheck } from '../../cli/core/types.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { marketFiles } from './files.ts';
import { databaseUrl, marketUrl, portOf } from './specs.ts';
import { canLogIn, ensureUser, USUAL_USERS } from './users.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates/proof-market');

type MarketStep = Step<SystemPlace>;

export const configStep: MarketStep = {
  id: 'config',
  title: 'configuration of the market',
  needs: [],
  check: checkConfig,
  apply: async (place) => {
    const files = marketFiles(place.paths);
    await mkdir(files.configsDir, { recursive: true, mode: 0o700 });
    await mkdir(files.keysDir, { recursive: true });
    await edit(files.market, 'market.yaml', ['market', 'port'], portOf(place, 'market'));
    await edit(files.secrets, 'secrets.yaml', ['database', 'market_url'], ownDatabase(place));
  },
};

/** Sets one value; the rest of the file, comments too, stays as it is. */
async function edit(file: string, template: string, keys: readonly string[], value: unknown): Promise<void> {
  const document = (await readDocument(file)) ?? parseDocument(await readFile(join(TEMPLATES, template), 'utf8'));
  try {
    document.setIn(keys, value);
  } catch (cause) {
    throw unusable(file, `${keys[0]} is no map`, cause);
  }
  await writeFileAtomic(file, document.toString({ lineWidth: 0 }), { mode: 0o600 });
}

const ownDatabase = (place: SystemPlace): string => databaseUrl('localhost', portOf(place, 'postgres'));

/** Everything in the files is the user's, but ports and database are the devnet's. */
async function checkConfig(place: SystemPlace): Promise<StepCheck> {
  const files = marketFiles(place.paths);
  const [market, secrets] = [await readDocument(files.market), await readDocument(files.secrets)];
  if (market === undefined || secrets === undefined) return { state: 'missing' };
  const port = market.getIn(['market', 'port']);
  if (port !== portOf(place, 'market')) return { state: 'stale', reason: `market.port is ${port}` };
  const url = secrets.getIn(['database', 'market_url']);
  return url === ownDatabase(place) ? { state: 'done' } : { state: 'stale', reason: 'another database' };
}

/** Undefined when there is no such file. @throws DevkitError CONFIG_INVALID */
async function readDocument(file: string): Promise<Document | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw unusable(file, `not YAML: ${error.message.split('\n')[0]}`, error);
  return document;
}

const unusable = (file: string, why: string, cause: unknown): DevkitError =>
  new DevkitError('CONFIG_INVALID', `${file}: ${why}`, {
    hint: 'mend it, or remove it: devkit up writes it again',
    cause,
  });

export const referenceStringStep: MarketStep = {
  id: 'crs',
  title: 'reference string (dev)',
  needs: [],
  // applying it looks whether all is there and unchanged, and makes only what is not
  check: async () => ({ state: 'missing' }),
  apply: async ({ containers, state }, signal) => {
    const { prepareBackEnd } = await import('./protocol/proving/back-end.ts'); // loads the prover's packages
    await prepareBackEnd({ cacheDir: containers.cacheDir, largest: state.runtime === 'docker', signal });
  },
};

export const usersStep: MarketStep = {
  id: 'users',
  title: `users ${Object.values(USUAL_USERS).join(' and ')}`,
  needs: ['component:market'],
  check: async (place, signal) => {
    const files = marketFiles(place.paths);
    const names = Object.values(USUAL_USERS);
    const known = await Promise.all(names.map((name) => canLogIn(marketUrl(place), files, name, signal)));
    return { state: known.every(Boolean) ? 'done' : 'missing' };
  },
  apply: async (place, signal) => {
    const files = marketFiles(place.paths);
    for (const name of Object.values(USUAL_USERS)) await ensureUser(marketUrl(place), files, name, signal);
  },
};
