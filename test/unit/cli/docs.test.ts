import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generateDocs } from '../../../cli/commands/reference.ts';
import { COMMANDS } from '../../../cli/commands/table.ts';

const DOCS = join(import.meta.dirname, '../../../docs');

test('command reference, error table and JSON schemas are those of the code', async () => {
  const wanted = await generateDocs();
  const stale = [...wanted].filter(([name, content]) => readFileSync(join(DOCS, name), 'utf8') !== content);
  expect(
    stale.map(([name]) => name),
    'run: node scripts/docs.ts build',
  ).toEqual([]);
  const left = readdirSync(join(DOCS, 'schema')).filter((name) => !wanted.has(`schema/${name}`));
  expect(left, 'files that no command has').toEqual([]);
});

test.each(COMMANDS)('the table of commands agrees with $name itself', async (entry) => {
  const node = await entry.load();
  expect({ name: node.name, aliases: node.aliases, summary: node.summary }).toEqual({
    name: entry.name,
    aliases: entry.aliases,
    summary: entry.summary,
  });
});
