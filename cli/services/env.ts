import type { DevnetPaths } from '../core/paths.ts';
import type { DevnetState } from '../core/state.ts';

/**
 * Variables with which the user's own tools reach a devnet: the kit's, plus the system's own (URLs, database names).
 * Never the tags of components: a shell that had them would be taken for one.
 */
export function devnetEnv(
  paths: DevnetPaths,
  state: DevnetState,
  system: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    DEVKIT_WORKSPACE: paths.workspace,
    DEVKIT_DEVNET: state.name,
    ECOSYSTEM_DIR: state.ecosystemDir,
    ...system,
  };
}

/** Lines for `eval "$(devkit env)"` in a POSIX shell. */
export function formatExports(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join('');
}

const quote = (value: string): string =>
  /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
