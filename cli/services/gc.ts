/** `devkit gc`: containers, networks and volumes of devnets whose folder is gone. */
import { connectEngine } from '../runtimes/docker/engine.ts';
import { collectGarbage } from '../runtimes/docker/gc.ts';

export interface GcResult {
  /** False with `--plan`. */
  removed: boolean;
  containers: string[];
  networks: string[];
  volumes: string[];
}

/** Goes by label alone: what the kit did not make is not looked at. @throws DevkitError HOST_UNFIT without an engine */
export async function gc(input: {
  plan: boolean;
  env: Readonly<Record<string, string | undefined>>;
}): Promise<GcResult> {
  const engine = await connectEngine({ env: input.env });
  return { removed: !input.plan, ...(await collectGarbage(engine, { plan: input.plan })) };
}
