/** The =nil; Proof Market: a market server, its database, and producers that are started when somebody wants them. */
import type { OpenedSystem, System, SystemPlace } from '../../cli/core/system.ts';
import { marketFiles } from './files.ts';
import { openMarketJobs } from './jobs.ts';
import { REQUIREMENTS } from './requirements.ts';
import { scriptFiles } from './scripts.ts';
import { DEFAULT_PORTS, databaseUrl, marketSpecs, marketUrl, portOf } from './specs.ts';
import { configStep, referenceStringStep, usersStep } from './steps.ts';
import { readUser, USUAL_USERS } from './users.ts';

export { type MarketFiles, marketFiles } from './files.ts';
export { type MarketTick, type OrderJob, openMarketJobs } from './jobs.ts';
export * from './specs.ts';
export * from './users.ts';

export const system = {
  name: 'proof-market',
  stackNames: { images: ['proof-generator'], binaries: ['proof-generator'], memory: ['market', 'producer'] },
  requirements: REQUIREMENTS,
  defaultPorts: async () => DEFAULT_PORTS,
  open,
} satisfies System;

async function open(place: SystemPlace): Promise<OpenedSystem> {
  const files = marketFiles(place.paths);
  const database = databaseUrl('localhost', portOf(place, 'postgres'));
  const requester = await readUser(files, USUAL_USERS.requester);
  return {
    components: marketSpecs(place),
    before: [configStep, referenceStringStep],
    after: [usersStep],
    variables: {
      MARKET_URL: marketUrl(place),
      ...(requester && { NIL_USER: requester.username, NIL_SECRET: requester.password }),
      DATABASE_MARKET_URL: database,
    },
    ...(requester && { toolFiles: scriptFiles(marketUrl(place), requester) }),
    proving: { variant: place.state.variant, crs: 'dev' },
    containerFiles: { 'market.yaml': files.market, 'secrets.yaml': files.secrets },
    openJobs: () => openMarketJobs(database),
  };
}
