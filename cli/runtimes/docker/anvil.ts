import { existsSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import type { ComponentSpec, ContainerForm } from '../../core/types.ts';
import { anvilStateFile, backUpAnvilState, repairAnvilState } from '../../host/anvil-state.ts';

/** What a SIGKILL may have left of anvil's state is mended before it starts. */
export async function prepareAnvil(spec: ComponentSpec): Promise<void> {
  const stateFile = stateOnHost(spec);
  if (stateFile !== undefined) await repairAnvilState(stateFile);
}

/** anvil cannot write its state safely itself. */
export async function preserveAnvil(spec: ComponentSpec): Promise<void> {
  const stateFile = stateOnHost(spec);
  if (stateFile !== undefined && existsSync(stateFile)) await backUpAnvilState(stateFile);
}

/** Undefined when it is no anvil, or its state lies in a volume. */
function stateOnHost({ program, container }: ComponentSpec): string | undefined {
  const inContainer = program === 'anvil' && container ? anvilStateFile(container.argv) : undefined;
  return inContainer === undefined || !container ? undefined : hostPath(container, inContainer);
}

/** Where a path of the container lies on this machine, if a folder or file of it is mounted there. */
export function hostPath({ mounts }: ContainerForm, path: string): string | undefined {
  const within = mounts
    .filter(({ target }) => path === target || !relative(target, path).startsWith('..'))
    .sort((a, b) => b.target.length - a.target.length)[0];
  if (!within || !isAbsolute(within.source)) return undefined;
  return join(within.source, relative(within.target, path));
}
