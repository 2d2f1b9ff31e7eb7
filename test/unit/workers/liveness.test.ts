import { expect, it } from 'vitest';
import { isPredecessor } from '../../../systems/zksync/components/workers/liveness.ts';

it('knows the earlier incarnations of a worker by all but the last part of the name', () => {
  const mine = 'default-circuit-prover-b0523f6b';
  expect(isPredecessor(mine, 'default-circuit-prover-01234567', 'circuit-prover')).toBe(true);
  expect(isPredecessor(mine, mine, 'circuit-prover')).toBe(false);
  expect(isPredecessor(mine, 'other-circuit-prover-01234567', 'circuit-prover')).toBe(false);
  expect(isPredecessor(mine, 'default-compressor-01234567', 'circuit-prover')).toBe(false);
});

it('takes nobody for its predecessor when its own name does not name the component', () => {
  expect(isPredecessor('pod-1', 'pod-2', 'circuit-prover')).toBe(false);
  expect(isPredecessor('UNKNOWN_POD', 'SOMEBODY', 'circuit-prover')).toBe(false);
});
