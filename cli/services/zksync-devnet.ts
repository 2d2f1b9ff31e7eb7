/** A ZKsync devnet for the life cycle commands: an ecosystem's files say what it is. */
import type { Aggregation } from '../../systems/zksync/protocol/ids.ts';
import { prepareContainers } from './containers.ts';
import type { ServiceContext } from './context.ts';
import { apiUrl, externalApiUrl, type OpenDevnet, openDevnet } from './devnet.ts';
import { openBatchJobs } from './job-watch.ts';
import { requireContracts } from './l1-check.ts';
import { checkUpstream } from './preflight.ts';
import { allSpecs, ensureVersionRow, prepareData, startPrepared, whileRunning } from './start.ts';
import { step } from './step.ts';
import type { OpenOptions, SystemDevnet } from './system-devnet.ts';

/** @throws DevkitError NOT_FOUND for a chain without configuration: it is made by `quickstart` or step by step */
export async function openZksyncDevnet(ctx: ServiceContext, { chain }: OpenOptions): Promise<SystemDevnet> {
  const devnet = await openDevnet(ctx, chain);
  const specs = await allSpecs(devnet);
  const { variant, aggregation, crs } = devnet.config.devkit;
  return {
    ctx,
    state: devnet.state,
    runtime: devnet.runtime,
    specs,
    proving: { variant, aggregation: aggregation as Aggregation, crs },
    variables: variablesOf(devnet),
    start: async () => {
      await prepareData(devnet, specs);
      const nodes = specs.filter(({ id }) => ['postgres', 'l1', 'l2'].includes(id));
      await startPrepared(devnet, nodes, { keepChanged: true });
      await step(ctx, 'version', 'protocol version row', () => ensureVersionRow(devnet));
      await requireContracts(devnet, ctx.signal);
      await checkUpstream(devnet, specs);
      await startPrepared(devnet, specs, { keepChanged: false });
    },
    prepareContainers: () => prepareContainers(devnet, specs),
    whileRunning: (kept, work) => whileRunning(devnet, kept, work),
    openJobs: () => openBatchJobs(devnet),
  };
}

function variablesOf(devnet: OpenDevnet): Record<string, string> {
  const { config, ecosystem } = devnet;
  const { serverUrl, proverUrl } = config.database;
  return {
    ECOSYSTEM_DIR: ecosystem.paths.dir,
    CHAIN_NAME: devnet.chain.name,
    CHAIN_ID: String(devnet.chain.chainId),
    L1_RPC_URL: config.l1.rpcUrl ?? `http://127.0.0.1:${devnet.ports.l1}`,
    L2_RPC_URL: apiUrl(devnet),
    PROOF_API_URL: externalApiUrl(devnet),
    PROVER_GATEWAY_URL: `http://127.0.0.1:${config.proverGateway.port}`,
    ...(serverUrl === undefined ? {} : { DATABASE_URL: serverUrl }),
    ...(proverUrl === undefined ? {} : { DATABASE_PROVER_URL: proverUrl, PLI__DB_URL: proverUrl }),
  };
}
