/** bb under the configured reference string, which must be the one that the keys were made with. */
import { cacheDir } from '../../../../lib/cache-dir.ts';
import { type Bb, createBb } from '../../../../proving/bb.ts';
import { ensureCrs } from '../../../../proving/crs.ts';
import { CRS_POINTS } from '../../protocol/circuits.ts';
import type { CircuitSet } from '../../protocol/keys/circuit-set.ts';
import { StartError, type WorkerEnv } from './env.ts';

/** Makes sure of the reference string (generates the dev one if need be). @throws StartError when the keys are for another one */
export async function openProving({ config, log, signal }: WorkerEnv, circuits: CircuitSet): Promise<Bb> {
  const cache = cacheDir();
  let said = false;
  const request = {
    crs: config.devkit.crs,
    points: CRS_POINTS[circuits.aggregation].prove,
    cacheDir: cache,
    signal,
    onProgress: (_: number, total: number) => {
      if (!said) log.info(`making the reference string ${config.devkit.crs} (${total} points) in ${cache}`);
      said = true;
    },
  };
  const crs = await ensureCrs(request);
  if (crs.id !== circuits.crsId) {
    throw new StartError(
      `the keys were made for reference string ${circuits.crsId}, devkit.crs is ${config.devkit.crs} (${crs.id}): ` +
        'make keys for it with: devkit prover setup-keys',
    );
  }
  const bb = createBb({ crs, cacheDir: cache });
  return {
    ...bb,
    prove: (job) =>
      bb.prove(job).catch(async (error: unknown) => {
        // the string on disk may have been damaged since: then it is made again for the next attempt, or its damage is the error
        if (!job.signal?.aborted) await ensureCrs(request);
        throw error;
      }),
  };
}
