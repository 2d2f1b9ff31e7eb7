/** wallets.yaml: private keys, so mode 0600. */
import {
  emptyWallets,
  localhostWallets,
  parseWallets,
  randomWallets,
  type Wallets,
  WalletsInvalidError,
} from '../../../systems/zksync/protocol/l1/wallets.ts';
import { DevkitError } from '../../core/errors.ts';
import type { WalletCreation } from './files.ts';
import { createYaml, readYaml } from './yaml-file.ts';

const SECRET = 0o600;

/** @param internalId 0 for the ecosystem, 1… for its chains */
export async function walletsFor(
  creation: WalletCreation,
  internalId: number,
  path: string | undefined,
): Promise<Wallets> {
  switch (creation) {
    case 'localhost':
      return localhostWallets(internalId);
    case 'random':
      return randomWallets();
    case 'empty':
      return emptyWallets();
    case 'in-file':
      if (path === undefined) {
        throw new DevkitError('USAGE', '--wallet-creation in-file needs --wallet-path', {
          hint: 'add --wallet-path wallets.yaml',
        });
      }
      return readWallets(path);
  }
}

/** @throws DevkitError CONFIG_INVALID naming the entry */
export async function readWallets(path: string): Promise<Wallets> {
  const document = await readYaml(path);
  try {
    return parseWallets(document.toJS(), path);
  } catch (cause) {
    if (cause instanceof WalletsInvalidError) throw new DevkitError('CONFIG_INVALID', cause.message, { cause });
    throw cause;
  }
}

export const writeWallets = (path: string, wallets: Wallets): Promise<void> => createYaml(path, { ...wallets }, SECRET);
