/** `devkit up`: start what is missing of a devnet that was made by quickstart or by the step-by-step commands. */
import type { ServiceContext } from './context.ts';
import { openDevnet } from './devnet.ts';
import { requireContracts } from './l1-check.ts';
import { checkUpstream } from './preflight.ts';
import { allSpecs, ensureVersionRow, prepareData, startPrepared } from './start.ts';
import { step } from './step.ts';

export interface UpInput {
  chain?: string | undefined;
  /** Only say what would be started. */
  plan: boolean;
}

export interface UpResult {
  devnet: string;
  components: { id: string; state: 'running' | 'started' | 'to start'; ports: Record<string, number> }[];
}

export async function up(ctx: ServiceContext, input: UpInput): Promise<UpResult> {
  const devnet = await openDevnet(ctx, input.chain);
  const specs = await allSpecs(devnet);
  const running = new Set((await devnet.runtime.list()).filter(({ state }) => state === 'running').map(({ id }) => id));
  if (!input.plan) {
    await prepareData(devnet, specs);
    const nodes = specs.filter(({ id }) => ['postgres', 'l1', 'l2'].includes(id));
    await startPrepared(devnet, nodes, { keepChanged: true });
    await step(ctx, 'version', 'protocol version row', () => ensureVersionRow(devnet));
    await requireContracts(devnet, ctx.signal);
    await checkUpstream(devnet, specs);
    await startPrepared(devnet, specs, { keepChanged: false });
  }
  return {
    devnet: ctx.paths.name,
    components: specs.map(({ id, ports }) => ({
      id,
      state: running.has(id) ? 'running' : input.plan ? 'to start' : 'started',
      ports: Object.fromEntries(ports.map(({ name, port }) => [name, port])),
    })),
  };
}
