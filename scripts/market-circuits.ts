/**
 * The compiled circuit and dev key of the proof market: `node scripts/market-circuits.ts build|check`.
 * `build` writes the file, `check` makes it again and compares.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { cacheDir } from '../lib/cache-dir.ts';
import { EXAMPLE_ARTIFACT } from '../systems/proof-market/protocol/proving/example.ts';
import { generateExample } from '../systems/proof-market/protocol/proving/prepare.ts';

const [action] = process.argv.slice(2);
if (action !== 'build' && action !== 'check') {
  console.error('usage: node scripts/market-circuits.ts build|check');
  process.exit(2);
}

const abort = new AbortController();
process.once('SIGINT', () => abort.abort());
const content = await generateExample({ cacheDir: cacheDir(), signal: abort.signal });

const found = await readFile(EXAMPLE_ARTIFACT, 'utf8').catch(() => undefined);
const path = relative('.', EXAMPLE_ARTIFACT);
if (found === content) console.log(`${path} is as generated`);
else if (action === 'check') {
  console.log(`differs: ${path}`);
  process.exitCode = 1;
} else {
  await mkdir(dirname(EXAMPLE_ARTIFACT), { recursive: true });
  await writeFile(EXAMPLE_ARTIFACT, content);
  console.log(`written: ${path}`);
}
