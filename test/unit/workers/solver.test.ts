import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Program } from '../../../proving/types.ts';
import { openSolver, type Solver } from '../../../systems/zksync/components/circuit-prover/solver.ts';
import { JobInputError } from '../../../systems/zksync/components/workers/final.ts';
import { zeroInputs } from '../../../systems/zksync/components/workers/warm-up.ts';
import { readArtifact } from '../../../systems/zksync/protocol/keys/programs.ts';

let compressor: Program;
let leaf: Program;
let solver: Solver;
beforeAll(async () => {
  compressor = (await readArtifact('linked', 'compressor'))!;
  leaf = (await readArtifact('linked', 'leaf'))!;
  solver = openSolver(compressor);
});
afterAll(() => solver.close());

describe('witness thread', () => {
  it('says which assertion the inputs do not satisfy, and goes on', async () => {
    await expect(solver.solve(compressor, zeroInputs(compressor))).rejects.toThrow('do not satisfy the circuit: links');
    await expect(solver.solve(leaf, zeroInputs(leaf))).rejects.toThrow(/do not satisfy the circuit/);
  });

  it('refuses inputs of another shape', async () => {
    await expect(solver.solve(compressor, {})).rejects.toThrow(JobInputError);
  });
});

it('zero inputs follow the shape of the parameters', () => {
  expect(zeroInputs(leaf)).toMatchObject({ key: '0x0', starts: new Array(8).fill('0x0'), count: '0x0' });
});
