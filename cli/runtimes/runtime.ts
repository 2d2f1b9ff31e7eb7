import { DevkitError } from '../core/errors.ts';
import type { ComponentSpec, Port, Runtime } from '../core/types.ts';

/** Memory and CPU of a component, its children included. */
export interface ComponentUsage {
  rssBytes: number;
  /** Undefined where it cannot be known. */
  pssBytes: number | undefined;
  cpuMs: number;
  processes: number;
}

/** Whether an error says that the container engine went away, which may come back: nothing is known of the components until then. */
export const isEngineGone = (error: unknown): boolean =>
  error instanceof DevkitError && error.details?.['engineGone'] === true;

/** What the services ask of a runtime beyond `Runtime`: all that can be known without the specs. */
export interface ManagedRuntime extends Runtime {
  /** Last lines of the log of the current (or last) start. */
  lastLines(id: string, lines: number): Promise<string[]>;
  /** Ports and needed components as the spec of the last start had them; undefined when it was never started. */
  describe(id: string): Promise<{ ports: Port[]; needs: string[] } | undefined>;
  /** Undefined when it does not run. */
  usage(id: string): Promise<ComponentUsage | undefined>;
  /** Ends whatever carries this devnet's tag, known or not. Returns what it ended, in words. */
  sweep(signal: AbortSignal): Promise<string[]>;
  /** Keeps what a killed component could not save itself; called now and then while it runs. */
  preserve(spec: ComponentSpec): Promise<void>;
}
