/**
 * Who uses which GPU of this machine, across devnets, workspaces and accounts. One small file per lease in a folder that everybody can
 * write; a lease ends with its holder's process (pid and start time), kill -9 included, so there is nothing stale to clean up.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJson, writeFileAtomic } from '../../lib/atomic-file.ts';
import { describeLease, type GpuLease } from '../core/devices.ts';
import { DevkitError } from '../core/errors.ts';
import { withSharedLock } from './gpu/shared-lock.ts';
import { bootId, isAlive, readProcess } from './proc.ts';

export interface LeaseRequest {
  uuid: string;
  /** Folder of the devnet: components of one devnet share its GPUs. */
  dir: string;
  devnet: string;
  component: string;
  /** Whose end ends the lease; default: this process. */
  pid?: number;
}

export interface LeaseOptions {
  /** Default: `DEVKIT_LEASE_DIR`, else `/run/lock/devkit`, else one in the folder for temporary files. */
  leaseDir?: string;
  signal: AbortSignal;
}

interface LeaseFile extends GpuLease {
  bootId: string;
}

/**
 * Takes a GPU for a component, or renews its lease (with another pid, say). Components of the same devnet may hold the same GPU: whether
 * they fit is placement's business. Undefined: the process that was to hold it is gone.
 * @throws DevkitError HOST_UNFIT naming the devnet and component of another devnet that hold it
 */
export async function leaseGpu(request: LeaseRequest, options: LeaseOptions): Promise<GpuLease | undefined> {
  const dir = await leaseFolder(options.leaseDir);
  return withSharedLock(join(dir, 'lock'), options.signal, async () => {
    const files = await readLeases(options.leaseDir);
    await removeEnded(files);
    const holder = files.find(({ live, lease }) => live && lease.uuid === request.uuid && lease.dir !== request.dir);
    if (holder) throw leased(holder.lease);
    const { pid = process.pid, uuid, devnet, component } = request;
    const info = readProcess(pid);
    if (info === undefined) return undefined;
    const lease = { uuid, dir: request.dir, devnet, component, pid, startTicks: info.startTicks };
    const file: LeaseFile = { ...lease, bootId: bootId() };
    const path = join(dir, fileOf(request));
    await writeFileAtomic(path, `${JSON.stringify(file)}\n`);
    await chmod(path, 0o644); // the umask may be strict, and other accounts must see who holds it
    return lease;
  });
}

/** Gives a component's lease back; without one nothing happens. */
export async function releaseGpu(
  lease: Pick<LeaseRequest, 'uuid' | 'dir' | 'component'>,
  options: LeaseOptions,
): Promise<void> {
  const dir = await leaseFolder(options.leaseDir);
  await withSharedLock(join(dir, 'lock'), options.signal, () => rm(join(dir, fileOf(lease)), { force: true }));
}

/** The leases whose holders run. Only looks: makes no folder. */
export async function listLeases(options: Pick<LeaseOptions, 'leaseDir'> = {}): Promise<GpuLease[]> {
  const files = await readLeases(options.leaseDir);
  return files.filter(({ live }) => live).map(({ lease: { bootId: _, ...lease } }) => lease);
}

function leased(holder: GpuLease): DevkitError {
  return new DevkitError('HOST_UNFIT', `GPU ${holder.uuid} is in use by ${describeLease(holder)}`, {
    hint: `(cd ${holder.dir} && devkit down --devnet ${holder.devnet})   or choose another GPU: --device <uuid>   (devkit doctor --for upstream lists them)`,
    details: { lease: holder },
  });
}

/** Per account, because nobody can replace another account's file in a folder like /tmp. */
function fileOf({ uuid, dir, component }: Pick<LeaseRequest, 'uuid' | 'dir' | 'component'>): string {
  const key = createHash('sha256').update(JSON.stringify([uuid, dir, component, process.getuid?.() ?? 0]));
  return `${uuid.replaceAll(/[^\w-]/g, '_')}.${key.digest('hex').slice(0, 12)}.json`;
}

interface FoundLease {
  path: string;
  lease: LeaseFile;
  /** Its holder runs. */
  live: boolean;
}

async function readLeases(leaseDir: string | undefined): Promise<FoundLease[]> {
  // one folder may have two names: /var/lock is often a link to /run/lock
  const dirs = new Set(await Promise.all(folders(leaseDir).map((dir) => realpath(dir).catch(() => dir))));
  const found = await Promise.all(
    [...dirs].map(async (dir) => {
      const names = await readdir(dir).catch(() => []);
      const paths = names.filter((name) => name.endsWith('.json')).map((name) => join(dir, name));
      return Promise.all(paths.map(async (path) => ({ path, lease: await readLease(path) })));
    }),
  );
  const boot = bootId();
  return found
    .flat()
    .flatMap(({ path, lease }) =>
      lease === undefined ? [] : [{ path, lease, live: lease.bootId === boot && isAlive(lease.pid, lease.startTicks) }],
    )
    .sort((a, b) => `${a.lease.uuid} ${a.lease.component}`.localeCompare(`${b.lease.uuid} ${b.lease.component}`));
}

/** They mean nothing; this only keeps the folder small. Those of other accounts stay. */
async function removeEnded(files: readonly FoundLease[]): Promise<void> {
  const ended = files.filter(({ live }) => !live);
  await Promise.allSettled(ended.map(({ path }) => rm(path, { force: true })));
}

/** Undefined for what is no lease: anybody may put files here. */
async function readLease(path: string): Promise<LeaseFile | undefined> {
  try {
    const file = await readJson<Partial<LeaseFile>>(path);
    const { uuid, dir, devnet, component, pid, startTicks, bootId: boot } = file ?? {};
    const texts = [uuid, dir, devnet, component, boot].every((value) => typeof value === 'string');
    return texts && Number.isInteger(pid) && Number.isInteger(startTicks) ? (file as LeaseFile) : undefined;
  } catch {
    return undefined;
  }
}

/** Leases are looked for in all of these, and made in the first that can be written. */
function folders(given: string | undefined): string[] {
  const named = given ?? process.env['DEVKIT_LEASE_DIR'];
  return named ? [named] : ['/run/lock/devkit', '/var/lock/devkit', join(tmpdir(), 'devkit-leases')];
}

/** Makes the folder if need be, for every account of the machine. */
async function leaseFolder(given: string | undefined): Promise<string> {
  const candidates = folders(given);
  for (const dir of candidates) if (await usable(dir)) return dir;
  throw new DevkitError(
    'HOST_UNFIT',
    `no folder for the leases of GPUs can be written: tried ${candidates.join(', ')}`,
    {
      hint: 'set DEVKIT_LEASE_DIR to a folder that all who use GPUs here can write',
    },
  );
}

async function usable(dir: string): Promise<boolean> {
  try {
    await mkdir(dir, { recursive: named(dir) });
    await chmod(dir, 0o1777);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EPERM: another account made it, and its mode is as wanted already
    if (code !== 'EEXIST' && code !== 'EPERM') return false;
  }
  const found = await lstat(dir).catch(() => undefined);
  if (!found?.isDirectory()) return false; // a link could lead anywhere
  return access(dir, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** `/run/lock` is the system's: where it is missing, it is not made. */
const named = (dir: string): boolean => !dir.startsWith('/run/lock/') && !dir.startsWith('/var/lock/');
