/** Writes (`build`) or compares (`check`) docs/commands.md, docs/errors.md and docs/schema from the code. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateDocs } from '../cli/commands/reference.ts';

const DOCS = join(import.meta.dirname, '..', 'docs');

/** Files that differ from the code, are missing, or are left over. */
async function staleDocs(): Promise<string[]> {
  const wanted = await generateDocs();
  const stale: string[] = [];
  for (const [name, content] of wanted) {
    const found = await readFile(join(DOCS, name), 'utf8').catch(() => undefined);
    if (found !== content) stale.push(name);
  }
  const schemas = await readdir(join(DOCS, 'schema')).catch(() => []);
  return [...stale, ...schemas.map((name) => `schema/${name}`).filter((name) => !wanted.has(name))];
}

async function build(): Promise<void> {
  await rm(join(DOCS, 'schema'), { recursive: true, force: true });
  await mkdir(join(DOCS, 'schema'), { recursive: true });
  for (const [name, content] of await generateDocs()) await writeFile(join(DOCS, name), content);
}

if (import.meta.main) {
  const [action] = process.argv.slice(2);
  if (action === 'build') await build();
  else if (action === 'check') {
    const stale = await staleDocs();
    if (stale.length > 0) {
      console.error(`not up to date: ${stale.join(', ')}\n→ node scripts/docs.ts build`);
      process.exitCode = 1;
    }
  } else {
    console.error('usage: node scripts/docs.ts build|check');
    process.exitCode = 2;
  }
}
