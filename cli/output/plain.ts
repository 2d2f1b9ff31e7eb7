import { formatDuration } from '../../lib/units.ts';
import type { DevkitEvent } from '../core/events.ts';
import { jobSummary } from './jobs.ts';
import { readableLogLine } from './log-line.ts';

/** What of the events people want to see. */
export interface Shown {
  verbose: boolean;
  logs: boolean;
}

/** One line for an event; undefined for what only matters to `--verbose`. */
export function plainLine(event: DevkitEvent, { verbose, logs }: Shown): string | undefined {
  switch (event.type) {
    case 'step.started':
      return verbose ? `… ${event.title}` : undefined;
    case 'step.done':
      return `✔ ${event.title} (${formatDuration(event.durationMs)})`;
    case 'step.skipped':
      return `- ${event.title}: ${event.reason}`;
    case 'step.failed':
      return `✖ ${event.title}: ${event.message}`;
    case 'notice':
      return `note: ${event.message}`;
    case 'log':
      return verbose || logs ? `${event.component} | ${readableLogLine(event.line)}` : undefined;
    case 'job.progress':
      return `proving batch ${event.batch}: ${jobSummary(event.groups)}`;
    default:
      return componentLine(event, verbose);
  }
}

type ComponentEvent = Extract<DevkitEvent, { type: `component.${string}` }>;

function componentLine(event: ComponentEvent, verbose: boolean): string | undefined {
  const name = event.component;
  switch (event.type) {
    case 'component.started':
      return verbose ? `${name}: started${event.pid === undefined ? '' : ` (pid ${event.pid})`}` : undefined;
    case 'component.ready':
      if (event.adopted) return verbose ? `${name}: runs already` : undefined;
      return `${name}: ready (${formatDuration(event.waitedMs)})`;
    case 'component.exited':
      return `${name}: ended${endedHow(event)}`;
    case 'component.restarted':
      return `${name}: started again (${event.restarts}): ${event.reason}`;
    case 'component.stopped':
      return `${name}: stopped`;
  }
}

function endedHow(event: Extract<DevkitEvent, { type: 'component.exited' }>): string {
  if (event.outOfMemory) return ': killed by the kernel, it reached its memory limit';
  if (event.signal !== undefined) return ` by ${event.signal}`;
  return event.exitCode === undefined ? '' : ` with exit code ${event.exitCode}`;
}
