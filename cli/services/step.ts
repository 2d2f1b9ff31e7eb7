/** A named piece of work that people see: events around it, failures reported where they happen. */
import type { ServiceContext } from './context.ts';

export async function step<T>(
  ctx: Pick<ServiceContext, 'emit' | 'signal' | 'log'>,
  id: string,
  title: string,
  work: () => Promise<T>,
): Promise<T> {
  ctx.signal.throwIfAborted();
  const started = performance.now();
  ctx.emit({ type: 'step.started', step: id, title });
  ctx.log.info({ step: id }, title);
  try {
    const result = await work();
    ctx.emit({ type: 'step.done', step: id, title, durationMs: performance.now() - started });
    return result;
  } catch (error) {
    ctx.emit({ type: 'step.failed', step: id, title, message: (error as Error).message.split('\n')[0] ?? '' });
    ctx.log.error({ step: id, err: error }, title);
    throw error;
  }
}
