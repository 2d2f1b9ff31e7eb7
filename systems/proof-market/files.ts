/** Where the files of a market devnet are. */
import { join } from 'node:path';
import type { DevnetPaths } from '../../cli/core/paths.ts';

export interface MarketFiles {
  configsDir: string;
  market: string;
  secrets: string;
  /** Logins of users that the kit made: `{"username","secret"}`, mode 0600. */
  user(name: string): string;
  usersDir: string;
  /** Of a producer: its login, what it offers, its jobs. */
  producerDir(name: string): string;
  /** Keys of programs that the market's container makes. */
  keysDir: string;
}

export function marketFiles({ dir, dataDir }: Pick<DevnetPaths, 'dir' | 'dataDir'>): MarketFiles {
  const configsDir = join(dir, 'configs');
  const usersDir = join(dir, 'users');
  return {
    configsDir,
    market: join(configsDir, 'market.yaml'),
    secrets: join(configsDir, 'secrets.yaml'),
    usersDir,
    user: (name) => join(usersDir, `${name}.json`),
    producerDir: (name) => join(dataDir, 'producers', name),
    keysDir: join(dataDir, 'keys'),
  };
}
