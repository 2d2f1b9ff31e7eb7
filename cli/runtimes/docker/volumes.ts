import { DevkitError } from '../../core/errors.ts';
import type { DevnetPaths } from '../../core/paths.ts';
import type { Engine } from './engine.ts';
import { engineCall, isConflict, isMissing } from './errors.ts';
import { devnetLabels, LABEL, ofDevnet } from './labels.ts';
import { volumeName } from './names.ts';

/** Number of the layout of what the kit keeps in volumes (1: `postgres` holds PGDATA of Postgres 18). */
export const VOLUME_SCHEMA = 1;

/**
 * Makes the volume unless it is there. `short` is the name mounts use.
 * @throws DevkitError CONFIG_INVALID for one of another schema; ALREADY_EXISTS when somebody else's has its name
 */
export async function ensureVolume(engine: Engine, paths: DevnetPaths, short: string): Promise<void> {
  const name = volumeName(paths, short);
  const labels = { ...devnetLabels(paths), [LABEL.schema]: String(VOLUME_SCHEMA) };
  await engineCall({ host: engine.host, action: `create the volume ${name}` }, async () => {
    let volume = await findVolume(engine, name);
    if (!volume) {
      // of two creators both get the same one
      await engine.docker.createVolume({ Name: name, Labels: labels });
      volume = await findVolume(engine, name);
    }
    checkVolume(name, volume?.Labels ?? null, paths);
  });
}

interface FoundVolume {
  Labels: Record<string, string> | null;
}

async function findVolume({ docker }: Engine, name: string): Promise<FoundVolume | undefined> {
  try {
    return await docker.getVolume(name).inspect();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function checkVolume(name: string, labels: Record<string, string> | null, paths: DevnetPaths): void {
  if (labels?.[LABEL.dir] !== paths.dir) {
    throw new DevkitError('ALREADY_EXISTS', `there is a volume ${name} that is not of this devnet`, {
      hint: `docker volume inspect ${name}   tells whose it is; docker volume rm ${name}`,
    });
  }
  const schema = Number(labels[LABEL.schema]);
  if (schema === VOLUME_SCHEMA) return;
  const age = schema < VOLUME_SCHEMA ? 'an older' : schema > VOLUME_SCHEMA ? 'a newer' : 'another';
  const found = Number.isNaN(schema) ? 'no schema' : `schema ${schema}`;
  throw new DevkitError(
    'CONFIG_INVALID',
    `volume ${name} was made by ${age} devkit (${found}, this one needs ${VOLUME_SCHEMA})`,
    {
      hint: `devkit down --all --devnet ${paths.name} --yes`,
      details: { volume: name, schema: Number.isNaN(schema) ? null : schema, needed: VOLUME_SCHEMA },
    },
  );
}

/** Removes the volumes of a devnet, with what is in them. Its containers must be gone. Returns their names. */
export async function removeVolumes(engine: Engine, dir: string): Promise<string[]> {
  const { host, docker } = engine;
  return engineCall({ host, action: `remove the volumes of ${dir}` }, async () => {
    const { Volumes } = await docker.listVolumes({ filters: ofDevnet(dir) });
    const names = (Volumes ?? []).map((volume) => volume.Name).sort();
    await Promise.all(names.map((name) => removeVolume(engine, name)));
    return names;
  });
}

async function removeVolume({ docker }: Engine, name: string): Promise<void> {
  try {
    await docker.getVolume(name).remove();
  } catch (error) {
    if (isMissing(error)) return;
    if (!isConflict(error)) throw error;
    throw new DevkitError('ALREADY_EXISTS', `volume ${name} is still used by a container that is not devkit's`, {
      hint: `docker ps -a --filter volume=${name}`,
      cause: error,
    });
  }
}
