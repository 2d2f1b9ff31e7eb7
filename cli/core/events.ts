import type { JobGroup, Port } from './types.ts';

/** What happened while a command worked. Services emit these; `output` renders them (tree, plain lines, NDJSON). */
export type DevkitEvent =
  | { type: 'step.started'; step: string; title: string }
  | { type: 'step.done'; step: string; title: string; durationMs: number }
  /** Nothing had to be done. */
  | { type: 'step.skipped'; step: string; title: string; reason: string }
  | { type: 'step.failed'; step: string; title: string; message: string }
  | { type: 'component.started'; component: string; pid?: number; ports: Port[]; podName?: string }
  /** Its probe answered. `adopted`: it ran already. `waitedMs`: from here, not from its start. */
  | { type: 'component.ready'; component: string; waitedMs: number; adopted: boolean }
  /** It ended without being asked to. No code and no signal: another command had started it. */
  | {
      type: 'component.exited';
      component: string;
      exitCode?: number;
      signal?: string;
      /** The kernel killed it: it reached its memory limit. */
      outOfMemory?: boolean;
      podName?: string;
    }
  | { type: 'component.restarted'; component: string; reason: string; restarts: number }
  | { type: 'component.stopped'; component: string }
  | { type: 'job.progress'; batch: number; groups: JobGroup[] }
  | { type: 'log'; component: string; line: string }
  | { type: 'notice'; message: string };

export type EventSink = (event: DevkitEvent) => void;
