/** What every runtime does: one suite, run as processes and, where an engine is reachable, as containers. */
import { afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { Engine } from '../../../cli/runtimes/docker/engine.ts';
import { devnetFootprint } from '../../../cli/runtimes/docker/gc.ts';
import { createDockerRuntime } from '../../../cli/runtimes/docker/index.ts';
import { describeDocker } from '../../fixtures/docker.ts';
import { ensureTestImage } from '../docker/test-image.ts';
import { type TestDevnet, testDevnet } from './kit.ts';
import { ends, starting } from './run-behaviours.ts';
import { logs, stopping } from './stop-behaviours.ts';

describe('process', () => behaviours(() => testDevnet()));

await describeDocker('docker', (engine: Engine) => {
  let image: string;
  beforeAll(async () => {
    image = await ensureTestImage(engine);
  });
  behaviours(
    () => testDevnet((paths) => createDockerRuntime({ paths, engine, resolveImage: async () => image })),
    async ({ paths }) => {
      expect(await devnetFootprint(engine, paths.dir)).toEqual({ containers: [], networks: [], volumes: [] });
    },
  );
});

function behaviours(create: () => Promise<TestDevnet>, nothingLeft?: (devnet: TestDevnet) => Promise<void>): void {
  let devnet: TestDevnet;
  beforeEach(async () => {
    devnet = await create();
  });
  afterEach(async () => {
    await devnet[Symbol.asyncDispose]();
    await nothingLeft?.(devnet);
  });

  describe('start', () => starting(() => devnet));
  describe('ends', () => ends(() => devnet));
  describe('stop', () => stopping(() => devnet, create));
  describe('logs', () => logs(() => devnet));
}
