/** `export compose`. */
import { DevkitError } from '../core/errors.ts';
import { defineCommand, defineGroup } from './define.ts';
import { duration } from './globals.ts';
import { text } from './options.ts';

const DEFAULT_FILE = 'compose.yaml';
/** A health check is a process of its own in every container. */
const SHORTEST_INTERVAL_MS = 100;

const composeCommand = defineCommand({
  name: 'compose',
  summary: 'the devnet as a file for docker compose',
  about:
    'Writes a file that Docker Compose v2 brings to the same devnet: same images, databases, chains, keys and ports. For a devnet that was made with --runtime docker. `--out -` prints it. The file holds the password of the database (mode 0600).',
  examples: ['export compose', 'export compose --out devnet.yaml --health-interval 5s', 'export compose --out -'],
  options: {
    out: text(`file to write, or - for stdout; default ${DEFAULT_FILE}`, { placeholder: 'file' }),
    healthInterval: text('time between two health checks of a container, default 1s', { placeholder: 'duration' }),
  },
  output: async () => (await import('../services/export-compose.ts')).exportComposeResult,
  async run(ctx, input) {
    const healthIntervalMs = await duration('--health-interval', input.healthInterval ?? '1s');
    if (healthIntervalMs < SHORTEST_INTERVAL_MS) {
      throw new DevkitError('USAGE', `--health-interval takes ${SHORTEST_INTERVAL_MS}ms or more`, { hint: 'e.g. 1s' });
    }
    const { exportCompose } = await import('../services/export-compose.ts');
    return exportCompose(await ctx.service(), {
      chain: ctx.globals.chain,
      file: input.out === '-' ? undefined : ctx.path(input.out ?? DEFAULT_FILE),
      healthIntervalMs,
    });
  },
  render: (data, style) =>
    data.yaml === undefined
      ? [`devnet ${style.bold(data.devnet)}: ${data.services.length} services in ${data.file}`, `→ ${data.next}`]
      : [data.yaml.trimEnd()],
});

export const exportGroup = defineGroup({
  name: 'export',
  summary: 'the devnet as a file for docker compose',
  commands: [composeCommand],
});
