/** `devkit server` and `devkit server wait`. */

import { poll } from '../../lib/deadline.ts';
import { SERVER_COMPONENTS } from '../../systems/zksync/index.ts';
import { DevkitError } from '../core/errors.ts';
import type { ServiceContext } from './context.ts';
import { hasServer, openDevnet } from './devnet.ts';
import { chainInit } from './ecosystem/init.ts';
import type { ServerRunInput, ServerRunResult, ServerWaitInput, ServerWaitResult } from './inputs.ts';
import { attach, refuseRunning, startDatabase } from './prover-run.ts';
import { nodeSpecs, startComponents } from './start.ts';
import { serverOfVariant } from './upstream.ts';

/** In the foreground until it ends or the signal aborts. Database, L1 and the chain's own node are started if need be. */
export async function serverRun(ctx: ServiceContext, input: ServerRunInput): Promise<ServerRunResult> {
  if (input.genesis) {
    await chainInit(ctx, { chain: input.chain, dontDrop: true, noGenesis: false, noPortReallocation: true });
    return { exitCode: 0, signal: null };
  }
  const devnet = await openDevnet(ctx, input.chain, input.stack);
  if (!hasServer(devnet)) {
    throw new DevkitError('NOT_FOUND', `chain '${devnet.chain.name}' has no contracts on L1 yet`, {
      hint: `devkit chain init --chain ${devnet.chain.name}`,
    });
  }
  await refuseRunning(devnet, 'server');
  await startDatabase(devnet);
  await startComponents(devnet, nodeSpecs(devnet));
  const components = input.components ?? SERVER_COMPONENTS;
  const spec = await serverOfVariant(devnet, devnet.stack, devnet.runtime.name, components);
  const status = await attach(devnet, spec);
  return { exitCode: status.exitCode ?? null, signal: status.signal ?? null };
}

export async function serverWait(ctx: ServiceContext, input: ServerWaitInput): Promise<ServerWaitResult> {
  const devnet = await openDevnet(ctx, input.chain);
  const url = `http://127.0.0.1:${devnet.config.api.healthcheck.port}/health`;
  const begin = performance.now();
  ctx.emit({ type: 'notice', message: `waiting for the server: ${url}` });
  await poll(
    async () => {
      try {
        return (await fetch(url, { signal: ctx.signal })).ok || undefined;
      } catch (error) {
        if (ctx.signal.aborted) throw error;
        return undefined;
      }
    },
    {
      intervalMs: input.pollIntervalMs,
      signal: ctx.signal,
      ...(input.timeoutMs === undefined ? {} : { timeoutMs: input.timeoutMs }),
    },
  ).catch((cause: Error) => {
    if (ctx.signal.aborted) throw cause;
    throw new DevkitError('TIMED_OUT', `the server did not answer at ${url}`, { hint: 'devkit logs server', cause });
  });
  return { url, waitedMs: Math.round(performance.now() - begin) };
}
