/** What the engine has. */
import { join } from 'node:path';
import { cacheDir } from '../../../../lib/cache-dir.ts';
import type { Engine } from '../engine.ts';
import { isMissing, translateError } from '../errors.ts';

export interface FoundImage {
  id: string;
  sizeBytes: number;
  labels: Readonly<Record<string, string>>;
}

/** Undefined when the engine has no such image. */
export async function findImage({ docker, host }: Engine, reference: string): Promise<FoundImage | undefined> {
  try {
    const { Id, Size, Config } = await docker.getImage(reference).inspect();
    return { id: Id, sizeBytes: Size, labels: Config.Labels ?? {} };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw translateError(error, { host, action: `look for the image ${reference}` });
  }
}

/** Held while images are made or removed. */
export const imagesLock = (): string => join(cacheDir(), 'images.lock');
