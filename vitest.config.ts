import { defineConfig } from 'vitest/config';

/** `group`: projects of a group run together, groups one after the other. */
const project = (name: string, testTimeout: number, group: number, maxWorkers: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    maxWorkers,
    sequence: { groupOrder: group },
  },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 30_000, 0, 2),
      project('contract', 120_000, 1, 2),
      // whole devnets on the default ports, which use all cores
      project('scenarios', 1_200_000, 2, 1),
      // whole devnets in containers
      project('docker', 1_200_000, 3, 1),
    ],
  },
});
