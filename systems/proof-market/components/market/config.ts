/** `market.yaml` and the market's part of `secrets.yaml`. */
import { z } from 'zod';
import type { ConfigFlags } from '../../../../lib/component/config-flags.ts';
import { ConfigError } from '../../../../lib/component/refusal.ts';
import { parseDurationMs } from '../../../../lib/units.ts';
import { DEFAULT_TERMS } from '../../protocol/settlement.ts';
import type { MarketTerms } from '../../protocol/types.ts';
import { readYamlFile } from '../shared/config.ts';

const duration = (text: string) =>
  z
    .union([z.string(), z.number()])
    .default(text)
    .transform((value, context) => {
      try {
        return parseDurationMs(value);
      } catch (error) {
        context.addIssue((error as Error).message);
        return z.NEVER;
      }
    });
const share = (value: number) => z.number().min(0).max(1).default(value);

const FILE = z.object({
  market: z
    .strictObject({
      bind_address: z.string().default('127.0.0.1').describe('loopback only'),
      port: z.int().min(0).max(65_535).default(8529).describe("ArangoDB's default"),
      max_connections: z.int().min(1).default(10),
      token_lifetime: duration('1h').describe("ArangoDB's default"),
      generation_timeout: duration('1h').describe('time for a proof when neither order names one'),
      expiry_interval: duration('1s').describe('how often orders that waited too long are looked for'),
      opening_balance: z.number().min(0).max(1e12).default(1_000_000).describe('test tokens of a new user'),
      penalty_factor: z.number().min(0).max(1000).default(DEFAULT_TERMS.penaltyFactor),
      commission_percent: z.number().min(0).max(100).default(DEFAULT_TERMS.commissionPercent),
      min_commission: z.number().min(0).max(1e12).default(DEFAULT_TERMS.minCommission),
      developer_share: share(DEFAULT_TERMS.developerShare),
      resale_producer_share: share(DEFAULT_TERMS.resaleProducerShare),
      resale_requester_share: share(DEFAULT_TERMS.resaleRequesterShare),
    })
    .prefault({}),
});

const SECRETS = z.object({ database: z.object({ market_url: z.string().min(1) }) });

export interface MarketConfig {
  databaseUrl: string;
  http: { host: string; port: number };
  maxConnections: number;
  expiryIntervalMs: number;
  terms: MarketTerms;
}

/** In place of `database.market_url`: in a container the database has another address. */
const DATABASE_VARIABLE = 'MARKET_DATABASE_URL';

/** @throws ConfigError naming file and key */
export async function loadMarketConfig(
  { configPath, secretsPath }: ConfigFlags,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<MarketConfig> {
  const { market } = await readYamlFile(configPath, FILE);
  const { database } = await readYamlFile(secretsPath, SECRETS);
  const said = env[DATABASE_VARIABLE];
  const databaseUrl = said || database.market_url;
  if (!URL.canParse(databaseUrl)) {
    throw new ConfigError(`${said ? DATABASE_VARIABLE : `${secretsPath}: database.market_url`} is not a URL`);
  }
  if (market.resale_producer_share + market.resale_requester_share > 1) {
    throw new ConfigError(
      `${configPath}: market.resale_producer_share and resale_requester_share are more than 1 together`,
    );
  }
  return {
    databaseUrl,
    http: { host: market.bind_address, port: market.port },
    maxConnections: market.max_connections,
    expiryIntervalMs: market.expiry_interval,
    terms: {
      openingBalance: market.opening_balance,
      generationTimeoutMs: market.generation_timeout,
      tokenLifetimeMs: market.token_lifetime,
      penaltyFactor: market.penalty_factor,
      commissionPercent: market.commission_percent,
      minCommission: market.min_commission,
      developerShare: market.developer_share,
      resaleProducerShare: market.resale_producer_share,
      resaleRequesterShare: market.resale_requester_share,
    },
  };
}
