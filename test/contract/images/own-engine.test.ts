/** Where the base comes from, and what pruning removes: on an engine of the test's own, which has no other images. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import { connectEngine, type Engine } from '../../../cli/runtimes/docker/engine.ts';
import { ensureImages, listImages, localImageTag, pruneImages } from '../../../cli/runtimes/docker/images/index.ts';
import { noPrivateEngine, type PrivateEngine, privateEngine } from '../../fixtures/private-engine.ts';
import { startRegistry, type TestRegistry } from '../../fixtures/registry.ts';

const ARCH = process.arch === 'x64' ? 'amd64' : 'arm64';

describe.skipIf(noPrivateEngine() !== undefined)('an engine that has nothing', () => {
  const limit = (): AbortSignal => AbortSignal.timeout(100_000);
  let host: PrivateEngine;
  let registry: TestRegistry;
  let engine: Engine;

  beforeAll(async () => {
    registry = await startRegistry('library/node', '24-bookworm-slim', { architecture: ARCH });
    host = await privateEngine();
    const args = `--iptables=false --ip6tables=false --registry-mirror=http://${registry.host}`;
    const { code, stderr } = await host.script('start', { DEVKIT_DOCKER_ARGS: args });
    if (code !== 0) throw new Error(stderr);
    engine = await connectEngine({ env: { DOCKER_HOST: host.host } });
  });
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  const build = async (names: string[], options: { offline?: boolean; force?: boolean } = {}) => {
    const events: DevkitEvent[] = [];
    const images = await ensureImages(engine, names, {
      signal: limit(),
      emit: (event) => events.push(event),
      ...options,
    });
    return { images, notices: events.flatMap((event) => (event.type === 'notice' ? [event.message] : [])), events };
  };

  test('nothing is there at first', async () => {
    const states = (await listImages(engine, limit())).map(({ name, state }) => [name, state]);
    expect(states).toEqual([
      ['base', 'missing'],
      ['anvil', 'missing'],
      ['postgres', 'missing'],
      ['proof-market', 'missing'],
      ['zksync', 'missing'],
    ]);
  });

  test('offline, Node and libraries are those of this machine, and no registry is asked', async () => {
    const { images, notices } = await build(['anvil'], { offline: true });
    expect(images).toMatchObject([{ name: 'anvil', base: 'host', built: true }]);
    expect(notices).toEqual([
      `image ${await localImageTag('base')}: Node and libraries of this machine, because offline`,
    ]);
    expect(registry.asked).toEqual([]);
    const container = await engine.docker.createContainer({ Image: images[0]!.tag, Cmd: ['--version'] });
    await container.start();
    expect(await container.wait()).toEqual({ StatusCode: 0, Error: null });
    await container.remove();
  });

  test('two builders at once make an image once', async () => {
    const [first, second] = await Promise.all([
      build(['zksync'], { offline: true }),
      build(['zksync'], { offline: true }),
    ]);
    const built = [first, second].flatMap(({ images }) => images.map((image) => image.built));
    expect(built.toSorted()).toEqual([false, true]);
  });

  test('with a registry, the base is the published Node, and says so', async () => {
    const { images, notices } = await build(['base'], { force: true });
    expect(images).toMatchObject([{ name: 'base', base: 'registry', built: true }]);
    expect(notices).toEqual([`image ${await localImageTag('base')}: Node from node:24-bookworm-slim`]);
    expect(registry.asked).toContain('/v2/library/node/manifests/24-bookworm-slim');
  });

  test('pruning removes what is left over, keeps what is used, and never touches what is not ours', async () => {
    const stale = (await listImages(engine, limit())).filter(({ state }) => state === 'stale');
    // what the base of before was made on; that base itself is now a nameless part of anvil and zksync
    expect(stale.map(({ name }) => name)).toEqual(['rootfs']);
    const first = await pruneImages(engine, { all: false, signal: limit() });
    expect({ removed: first.removed.map(({ name }) => name), kept: first.kept }).toEqual({
      removed: ['rootfs'],
      kept: [],
    });
    const user = await engine.docker.createContainer({ Image: await localImageTag('anvil'), name: 'somebody' });
    const all = await pruneImages(engine, { all: true, signal: limit() });
    expect(all.kept.map(({ image, reason }) => [image.name, reason])).toContainEqual([
      'anvil',
      'used by container somebody',
    ]);
    expect(all.removed.map(({ name }) => name)).toContain('zksync');
    await user.remove();
    await pruneImages(engine, { all: true, signal: limit() });
    const left = await engine.docker.listImages();
    expect(left.flatMap(({ RepoTags }) => RepoTags ?? [])).toEqual(['node:24-bookworm-slim']);
  });
});
