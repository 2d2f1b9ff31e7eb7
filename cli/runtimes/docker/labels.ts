/** Labels say what belongs to whom. What carries none of ours is never touched. */
import type { DevnetPaths } from '../../core/paths.ts';
import type { ComponentSpec, Port } from '../../core/types.ts';

export const LABEL = {
  /** Name of the devnet, for people. */
  devnet: 'devkit.devnet',
  /** Its state folder: the identity that everything goes by. */
  dir: 'devkit.dir',
  component: 'devkit.component',
  /** Digest of what the container was made from. */
  spec: 'devkit.spec',
  needs: 'devkit.needs',
  ports: 'devkit.ports',
  stop: 'devkit.stop',
  /** On volumes: number of the layout of what is in them. */
  schema: 'devkit.schema',
} as const;

export type Labels = Readonly<Record<string, string>>;

export const devnetLabels = (paths: DevnetPaths): Record<string, string> => ({
  [LABEL.devnet]: paths.name,
  [LABEL.dir]: paths.dir,
});

export const componentLabels = (spec: ComponentSpec, paths: DevnetPaths, digest: string): Record<string, string> => ({
  ...devnetLabels(paths),
  [LABEL.component]: spec.id,
  [LABEL.spec]: digest,
  [LABEL.needs]: JSON.stringify(spec.needs.map((need) => need.component)),
  [LABEL.ports]: JSON.stringify(spec.ports),
  [LABEL.stop]: JSON.stringify(spec.stop),
});

/** Filter of the engine's list calls. */
export const ofDevnet = (dir: string): { label: string[] } => ({ label: [`${LABEL.dir}=${dir}`] });

export const belongsTo = (labels: Labels | null | undefined, paths: DevnetPaths): boolean =>
  labels?.[LABEL.dir] === paths.dir;

/** Ports and needs as the spec had them when the container was made. */
export function describedBy(labels: Labels): { ports: Port[]; needs: string[] } {
  return { ports: parsed<Port>(labels[LABEL.ports]), needs: parsed<string>(labels[LABEL.needs]) };
}

function parsed<T>(json: string | undefined): T[] {
  return json === undefined ? [] : (JSON.parse(json) as T[]);
}
