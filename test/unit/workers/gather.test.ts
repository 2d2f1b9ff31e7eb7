import { expect, it } from 'vitest';
import { gatherProofs } from '../../../systems/zksync/components/compressor/gather.ts';
import type { ProofBlob } from '../../../systems/zksync/components/workers/blobs.ts';

const proof = (circuit: string, children: number[]): ProofBlob => ({
  circuit,
  children,
  publicInputs: [],
  proof: new Uint8Array(),
});

it('lists proofs depth first, children in their order', async () => {
  const stored = new Map([
    [1, proof('tip', [2, 3])],
    [2, proof('node a', [4, 5])],
    [3, proof('node b', [6])],
    [4, proof('leaf a1', [])],
    [5, proof('leaf a2', [])],
    [6, proof('leaf b', [])],
  ]);
  const listed = await gatherProofs(proof('scheduler', [1]), async (id) => stored.get(id)!);
  expect(listed.map(({ circuit }) => circuit)).toEqual([
    'scheduler',
    'tip',
    'node a',
    'leaf a1',
    'leaf a2',
    'node b',
    'leaf b',
  ]);
});

it('refuses proofs that contain themselves', async () => {
  const loop = proof('node', [1]);
  await expect(gatherProofs(loop, async () => loop)).rejects.toThrow('more than 64 deep');
});
