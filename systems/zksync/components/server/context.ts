import type pg from 'pg';
import type { Hex } from 'viem';
import type { Logger } from '../../../../lib/component/log.ts';
import type { Hasher } from '../../protocol/batch/hash.ts';
import type { ZksyncConfig } from '../../protocol/config.ts';
import type { ProtocolVersion } from '../../protocol/ids.ts';
import type { ObjectStore } from '../../protocol/store/object-store.ts';
import type { Rpc } from './json-rpc.ts';

/** What all components of the server share. */
export interface ServerContext {
  config: ZksyncConfig;
  pool: pg.Pool;
  store: ObjectStore;
  hasher: Hasher;
  /** The chain's own node. */
  l2: Rpc;
  chainId: number;
  version: ProtocolVersion;
  feeAccount: Hex;
  log: Logger;
  /** Folder against which relative paths of the configuration count. */
  cwd: string;
}
