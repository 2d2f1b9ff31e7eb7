import { z } from 'zod';
import { readJson, writeFileAtomic } from '../../lib/atomic-file.ts';
import { withFileLock } from '../../lib/file-lock.ts';
import { DevkitError } from './errors.ts';
import type { DevnetPaths } from './paths.ts';

export const STATE_VERSION = 2;

/** What is remembered of a devnet. What runs is not in here: the runtime knows that. */
export const devnetStateSchema = z.strictObject({
  schemaVersion: z.literal(STATE_VERSION),
  name: z.string().describe('name of the devnet'),
  system: z.string().describe('proof system: a folder in systems/'),
  runtime: z.enum(['process', 'docker']).describe('how components run'),
  variant: z.enum(['reference', 'upstream']).describe('whose components run'),
  createdAt: z.iso.datetime().describe('when it was created'),
  ports: z.record(z.string(), z.int().min(1).max(65_535)).describe('port by name'),
  portShift: z.int().min(0).describe('by how much the default ports were moved'),
  settings: z.record(z.string(), z.unknown()).describe("the system's own values"),
});
export type DevnetState = z.infer<typeof devnetStateSchema>;

type OldState = Record<string, unknown>;
/** From version n to n + 1; each one comes with a fixture of the old format. */
const MIGRATIONS: Readonly<Record<number, (old: OldState) => OldState>> = {
  // the folder with ZkStack.yaml is ZKsync's own value
  1: ({ ecosystemDir, settings, ...rest }) => ({
    ...rest,
    schemaVersion: 2,
    settings: { ...(settings as object), ecosystemDir },
  }),
};

/** The state of a devnet; undefined when there is none. @throws DevkitError CONFIG_INVALID for one that cannot be used, HOST_UNFIT for another account's */
export async function readState(paths: DevnetPaths): Promise<DevnetState | undefined> {
  let raw: OldState | undefined;
  try {
    raw = await readJson<OldState>(paths.stateFile);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EACCES') throw notOurs(paths, cause);
    throw invalid(paths, (cause as Error).message, cause);
  }
  return raw === undefined ? undefined : parseState(raw, paths);
}

/** The state of a devnet that must exist. @throws DevkitError NOT_FOUND */
export async function requireState(paths: DevnetPaths): Promise<DevnetState> {
  const state = await readState(paths);
  if (state) return state;
  throw new DevkitError('NOT_FOUND', `there is no devnet '${paths.name}' in ${paths.workspace}`, {
    hint: 'devkit quickstart',
  });
}

/**
 * Read, change, write, with other commands kept out. `change` gets undefined when there is no state yet;
 * what it returns is checked and written atomically (mode 0600) unless it is undefined.
 */
export function updateState<S extends DevnetState | undefined>(
  paths: DevnetPaths,
  change: (state: DevnetState | undefined) => S | Promise<S>,
  signal?: AbortSignal,
): Promise<S> {
  return withFileLock(
    paths.stateLock,
    async () => {
      const next = await change(await readState(paths));
      if (next !== undefined) {
        const checked = devnetStateSchema.parse(next);
        await writeFileAtomic(paths.stateFile, `${JSON.stringify(checked, null, 2)}\n`, { mode: 0o600 });
      }
      return next;
    },
    signal,
  );
}

function parseState(raw: OldState, paths: DevnetPaths): DevnetState {
  let state = raw;
  const version = Number(raw.schemaVersion);
  if (version > STATE_VERSION) {
    throw invalid(paths, `it has version ${version}, this devkit knows up to ${STATE_VERSION}: use a newer devkit`);
  }
  for (let from = version; from < STATE_VERSION; from++) {
    const migrate = MIGRATIONS[from];
    if (!migrate) throw invalid(paths, `it has version ${raw.schemaVersion}, which this devkit does not know`);
    state = migrate(state);
  }
  const parsed = devnetStateSchema.safeParse(state);
  if (!parsed.success) throw invalid(paths, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

const notOurs = (paths: DevnetPaths, cause: unknown): DevkitError =>
  new DevkitError('HOST_UNFIT', `devnet '${paths.name}' belongs to another account: ${(cause as Error).message}`, {
    hint: `ls -ld ${paths.dir}   says whose it is; use that account, or another folder`,
    cause,
  });

function invalid(paths: DevnetPaths, why: string, cause?: unknown): DevkitError {
  return new DevkitError('CONFIG_INVALID', `cannot use ${paths.stateFile}: ${why}`, {
    hint: `devkit down --all --devnet ${paths.name} --yes   (removes the devnet and its data)`,
    cause,
  });
}
