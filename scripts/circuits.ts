/**
 * Compiled circuits and dev keys: `node scripts/circuits.ts build|check [--aggregation linked|recursive]` (default: linked).
 * `build` writes them, `check` makes them again and compares. `recursive` needs about five minutes and 4 GB the first time.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheDir } from '../lib/cache-dir.ts';
import { createBb } from '../proving/bb.ts';
import { ensureCrs } from '../proving/crs.ts';
import { CRS_POINTS } from '../systems/zksync/protocol/circuits.ts';
import { artifactFiles } from '../systems/zksync/protocol/keys/artifact-files.ts';
import { generateCircuits } from '../systems/zksync/protocol/keys/make-keys.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { aggregation: { type: 'string', default: 'linked' } },
});
const [action] = positionals;
const { aggregation } = values;
if ((action !== 'build' && action !== 'check') || (aggregation !== 'linked' && aggregation !== 'recursive')) {
  console.error('usage: node scripts/circuits.ts build|check [--aggregation linked|recursive]');
  process.exit(2);
}

const abort = new AbortController();
process.once('SIGINT', () => abort.abort());
const context = { cacheDir: cacheDir(), signal: abort.signal };
const crs = await ensureCrs({ crs: 'dev', points: CRS_POINTS[aggregation].keys, ...context });
const circuits = await generateCircuits({
  aggregation,
  crs,
  bb: createBb({ crs, cacheDir: context.cacheDir }),
  ...context,
  onProgress: (done, total, circuit) => console.error(`${done + 1}/${total} ${circuit}`),
});

let stale = 0;
for (const [path, content] of artifactFiles(aggregation, crs.id, circuits)) {
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found === content) continue;
  stale++;
  console.log(`${action === 'build' ? 'written' : 'differs'}: ${relative('.', path)}`);
  if (action === 'check') continue;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
if (stale === 0) console.log(`all files of ${aggregation} are as generated`);
if (stale > 0 && action === 'check') process.exitCode = 1;
