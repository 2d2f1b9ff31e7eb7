import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellWord } from '../../../lib/shell.ts';

test.each(['postgres://u:p@h:1/d', "it's $HOME", '', 'a b', '`id`', '"x"', 'a\nb'])(
  '%j comes out of a shell as it is',
  (word) => {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word);
  },
);

test('words that need no quotes have none', () => {
  expect(shellWord('/work/a-b_c.yaml')).toBe('/work/a-b_c.yaml');
});
