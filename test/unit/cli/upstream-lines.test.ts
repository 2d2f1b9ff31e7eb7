import { describe, expect, test } from 'vitest';
import { COMMAND_LISTS, wordsOf } from '../../fixtures/upstream-commands.ts';
import { parse } from './support.ts';

const VALUES = {
  version: '0.24.2',
  minor: '24',
  patch: '2',
  batch: '1',
  hash: '0x14f97b81e54b35fe673d8708cc1a19e1ea5b5e348e12d31e39824ed4f42bbca2',
  db: 'postgres://postgres:notsecurepassword@localhost:5432/zksync_prover_localhost_era',
};

describe.each(COMMAND_LISTS)('$name', ({ lines }) => {
  test.each(lines)('devkit %s', async (line) => {
    const words = wordsOf(line, VALUES);
    const { path } = await parse(words);
    expect(path[0]).toBe(words[0]?.replace('_', '-'));
  });
});
