/** Which of image, key files, database row and L1 verifier differs. */
import { expect, test } from 'vitest';
import {
  comparePreflight,
  type PreflightFacts,
  type PreflightPart,
} from '../../../systems/zksync/upstream/preflight.ts';
import type { Wrappers } from '../../../systems/zksync/upstream/wrappers.ts';

const OF_31: Wrappers = {
  snark: '0xb2f50340e0edbe49dc657d4eb298e07f13860c1be0fe2e438e44ef8fad133d84',
  fflonk: '0xc8cd705a0db89577146137de78eba6bd1f1c9c3f66dc52f7627e7c2df30895b2',
};
const OF_28: Wrappers = {
  snark: '0xd90459c5b727b9ceeb2b6192d2953dbf05970edf090333b3ad3bcac1a1442b78',
  fflonk: '0x17e8d7931f1314431359233e65c22657a32c335205e3c24ce292c5819becfaa7',
};
const OTHER: Wrappers = { snark: `0x${'ab'.repeat(32)}`, fflonk: null };

const at = <T>(value: T, where: string) => ({ value, where });

function facts(changes: Partial<PreflightFacts> = {}): PreflightFacts {
  return {
    chain: at('0.31.0', 'genesis.yaml'),
    images: [
      { component: 'gateway', version: at('0.31.0', 'tag') },
      { component: 'circuit-prover', version: at('0.31.0', 'tag') },
    ],
    commitments: at(OF_31, 'commitments.json'),
    rows: at([{ version: '0.31.0', wrappers: OF_31 }], 'database prover'),
    l1: at(OF_31, 'verifier'),
    ...changes,
  };
}

const parts = (changes: Partial<PreflightFacts>): PreflightPart[] => [
  ...new Set(comparePreflight(facts(changes)).findings.map(({ part }) => part)),
];

test('all agree', () => {
  expect(comparePreflight(facts())).toEqual({ verdict: 'fits', findings: [], unknown: [] });
});

test.each<[PreflightPart, Partial<PreflightFacts>]>([
  ['commitments', { commitments: at(OF_28, 'commitments.json') }],
  ['row', { rows: at([{ version: '0.31.0', wrappers: OF_28 }], 'database prover') }],
  ['l1', { l1: at(OF_28, 'verifier') }],
  ['image', { images: [{ component: 'compressor', version: at('0.28.0', 'tag') }] }],
])('only %s differs, and only that is named', (part, changes) => {
  expect(parts(changes)).toEqual([part]);
});

test('an image of another version is named with both versions and a tag to take', () => {
  const images = [
    { component: 'gateway', version: at('0.31.0', 'tag') },
    { component: 'compressor', version: at('0.30.1', 'tag of matterlabs/x:2.0-0.30.1-a-1') },
  ];
  expect(comparePreflight(facts({ images })).findings).toEqual([
    {
      kind: 'differs',
      part: 'image',
      component: 'compressor',
      message:
        "compressor: the image is of protocol version 0.30.1 (tag of matterlabs/x:2.0-0.30.1-a-1), the chain's batches are of 0.31.0 (genesis.yaml)",
      hint: 'devkit prover run --component=compressor --variant upstream --docker --tag 2.0-0.31.0-<sha>-<timestamp>   (a tag of that version)',
    },
  ]);
});

test('the message says both hashes and which release a known one is of', () => {
  const [finding] = comparePreflight(facts({ l1: at(OF_28, 'verifier 0x1') })).findings;
  expect(finding?.message).toBe(
    `verifier 0x1 has wrapper key hash ${OF_28.snark} (that of 0.28.0); images of 0.31.0, commitments.json, row 0.31.0 of database prover: ${OF_31.snark}`,
  );
});

test('no row for the version: the command that inserts it', () => {
  const result = comparePreflight(facts({ rows: at([{ version: '0.30.0', wrappers: OTHER }], 'database prover') }));
  expect(result.findings).toHaveLength(1);
  expect(result.findings[0]).toMatchObject({
    part: 'row',
    message: expect.stringContaining('0.31.0 has no row in database prover (there: 0.30.0)'),
    hint: `devkit dev prover insert-version --version 0.31.0 --snark-wrapper=${OF_31.snark} --fflonk-snark-wrapper=${OF_31.fflonk}`,
  });
});

test('only the FFLONK key differs', () => {
  const { findings } = comparePreflight(facts({ l1: at({ ...OF_31, fflonk: OF_28.fflonk }, 'verifier') }));
  expect(findings.map(({ part, message }) => [part, message.includes('FFLONK')])).toEqual([['l1', true]]);
});

test('before FFLONK there is nothing to compare of it', () => {
  const l1 = at({ ...OF_31, fflonk: null }, 'verifier');
  expect(parts({ l1 })).toEqual([]);
});

test('two against two: all four are named, none is blamed', () => {
  const rows = at([{ version: '0.31.0', wrappers: OF_28 }], 'database prover');
  expect(parts({ l1: at(OF_28, 'verifier'), rows })).toEqual(['image', 'commitments', 'row', 'l1']);
});

test('a verifier for tests has no key', () => {
  const l1 = at({ snark: `0x${'0'.repeat(64)}`, fflonk: null }, 'verifier');
  expect(comparePreflight(facts({ l1 })).findings[0]?.message).toContain('(none: a verifier for tests)');
});

test('what is unknown is said, and is no difference', () => {
  const unknown = { unknown: 'the L1 at http://127.0.0.1:8545 does not answer' };
  expect(comparePreflight(facts({ l1: unknown }))).toEqual({
    verdict: 'unknown',
    findings: [],
    unknown: ['hash on L1: the L1 at http://127.0.0.1:8545 does not answer'],
  });
});

test('without the version of the chain, images are compared with each other', () => {
  const images = ['0.31.0', '0.31.0', '0.28.0'].map((version, i) => ({
    component: `c${i}`,
    version: at(version, 'tag'),
  }));
  const { findings } = comparePreflight(facts({ chain: { unknown: 'no genesis.yaml' }, images }));
  expect(findings.filter(({ part }) => part === 'image').map(({ component }) => component)).toEqual(['c2']);
});

test('a release whose hash is not in the table is compared by the other three', () => {
  const versions = {
    chain: at('0.99.0', 'genesis.yaml'),
    images: [{ component: 'gateway', version: at('0.99.0', 'tag') }],
    rows: at([{ version: '0.99.0', wrappers: OTHER }], 'database prover'),
    commitments: at(OTHER, 'commitments.json'),
  };
  expect(parts({ ...versions, l1: at(OTHER, 'verifier') })).toEqual([]);
  expect(parts({ ...versions, l1: at(OF_31, 'verifier') })).toEqual(['l1']);
});
