import { defineConfig } from 'vitest/config';

const project = (name: string, testTimeout: number) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout },
});

export default defineConfig({
  test: {
    projects: [project('unit', 30_000), project('contract', 60_000), project('scenarios', 1_200_000)],
    // two cores: proofs and databases in parallel files would only slow each other down
    maxWorkers: 2,
  },
});
