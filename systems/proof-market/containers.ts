/** The programs of a market as containers. */
import type { SystemPlace } from '../../cli/core/system.ts';
import type { ContainerForm, Mount } from '../../cli/core/types.ts';

const APP = '/app/systems/proof-market/components';
const CONFIGS = '/configs';
const CACHE = '/cache';
const COMPILE_CACHE = '/compile-cache';

export const containerConfig = (name: string): string => `${CONFIGS}/${name}`;

/** Where a market's container keeps keys it makes: over the machine's cache, which is only read. */
export const CONTAINER_KEYS = `${CACHE}/keys`;

/** Memory of a container; a generator proves in the producer's. */
const MEMORY_MIB = { market: 1536, producer: 3072 };

interface Program {
  /** Its folder in components/. */
  component: 'market' | 'producer';
  flags: readonly string[];
  env?: Record<string, string>;
  mounts: readonly Mount[];
}

export function containerOf(place: SystemPlace, { component, flags, env, mounts }: Program): ContainerForm {
  const { containers, stack } = place;
  const bytes = stack.memory[component];
  return {
    image: { local: 'proof-market' },
    argv: [`${APP}/${component}/main.ts`, ...flags],
    cwd: '/',
    user: containers.user,
    network: containers.network,
    hardened: true,
    limits: {
      memoryMiB: bytes === undefined ? MEMORY_MIB[component] : Math.floor(bytes / 2 ** 20),
      pids: 500,
    },
    env: {
      DEVKIT_CACHE_DIR: CACHE,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...(containers.network === 'devnet' ? { DEVKIT_CONTAINER_NETWORK: '1' } : {}),
      ...env,
    },
    mounts: [
      { source: containers.cacheDir, target: CACHE, readOnly: true },
      { source: containers.compileCacheDir, target: COMPILE_CACHE },
      ...mounts,
    ],
  };
}
