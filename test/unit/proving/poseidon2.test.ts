import { expect, it } from 'vitest';
import { FIELD_R } from '../../../proving/crs/curve.ts';
import { openPoseidon2, type Poseidon2State } from '../../../proving/poseidon2.ts';

it('Barretenberg and zkpassport give the same permutation, also for values at the edge of the field', async () => {
  const [wasm, library] = await Promise.all([openPoseidon2(), openPoseidon2({ backend: 'typescript' })]);
  expect([wasm.backend, library.backend]).toEqual(['bb', 'typescript']);
  const edges = [0n, 1n, FIELD_R - 1n, FIELD_R / 2n, 2n ** 253n, 2n ** 232n - 1n];
  let state: Poseidon2State = [0n, 0n, 0n, 0n];
  for (let i = 0; i < 100; i++) {
    const next = wasm.permute(state);
    expect(next).toEqual(library.permute(state));
    state = i % 3 === 0 ? [edges[i % 6]!, next[1], edges[(i + 1) % 6]!, edges[(i >> 2) % 6]!] : next;
  }
});

it('two of them do not share their state', async () => {
  const [one, two] = await Promise.all([openPoseidon2(), openPoseidon2()]);
  const first = one.permute([1n, 2n, 3n, 4n]);
  two.permute([5n, 6n, 7n, 8n]);
  expect(one.permute([1n, 2n, 3n, 4n])).toEqual(first);
});
