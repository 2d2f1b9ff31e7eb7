import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on stdout; level from `DEVKIT_LOG` (default `info`). */
export function createLog(name: string, env: Readonly<Record<string, string | undefined>> = process.env): Logger {
  const level = env.DEVKIT_LOG ?? 'info';
  return pino({
    name,
    level: level in pino.levels.values || level === 'silent' ? level : 'info',
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ['*.privateKey', '*.private_key', '*.password', '*.passwd', '*.secret', '*.jwt'],
  });
}
