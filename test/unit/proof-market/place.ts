/** A market devnet in a folder, as the system sees it; nothing of it runs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { STATE_VERSION } from '../../../cli/core/state.ts';
import type { SystemPlace } from '../../../cli/core/system.ts';
import type { RuntimeName } from '../../../cli/core/types.ts';

export interface TestPlace extends AsyncDisposable {
  dir: string;
  place: SystemPlace;
}

interface PlaceOptions {
  ports?: Record<string, number>;
  runtime?: RuntimeName;
  /** Of one container beside processes. */
  network?: 'devnet' | 'host';
  memory?: Record<string, number>;
}

export async function openPlace(options: PlaceOptions = {}): Promise<TestPlace> {
  const { ports = { postgres: 5432, market: 8529 }, runtime = 'process', memory = {} } = options;
  const dir = await mkdtemp(join(tmpdir(), 'market-place-'));
  const paths = devnetPaths(dir, 'default');
  const place: SystemPlace = {
    paths,
    state: {
      schemaVersion: STATE_VERSION,
      name: 'default',
      system: 'proof-market',
      runtime,
      variant: 'reference',
      createdAt: new Date(0).toISOString(),
      ports,
      portShift: 0,
      settings: {},
    },
    stack: {
      system: 'proof-market',
      variant: 'reference',
      runtime,
      tag: 'latest',
      images: {},
      binaries: {},
      memory,
      devices: 'auto',
      file: undefined,
      sources: {},
    },
    containers: {
      configsDir: join(paths.containersDir, 'configs'),
      cacheDir: '/home/me/.cache/devkit',
      compileCacheDir: join(paths.containersDir, 'compile-cache'),
      user: '1000:1000',
      network: options.network ?? (runtime === 'docker' ? 'devnet' : 'host'),
    },
  };
  return { dir, place, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
