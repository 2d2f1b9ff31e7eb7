/** Schemas of what `--json` prints (beside `schemaVersion`); docs/schema is generated from them. */
import { z } from 'zod';

const hex = z.string().describe('0x and hex digits');
const verdict = z.enum(['accepted', 'rejected']);
const aggregation = z.enum(['linked', 'recursive']);
const component = z.object({ id: z.string(), url: z.string() });

export const createdChain = z.object({
  chain: z.string().describe('name'),
  id: z.int().describe('number inside the ecosystem, from 1'),
  chainId: z.int(),
  dir: z.string(),
});
export const chainCreateResult = createdChain;
export const ecosystemCreateResult = z.object({
  ecosystem: z.string(),
  dir: z.string(),
  devnet: z.string(),
  chain: createdChain,
  components: z.array(component).describe('what was started'),
});
export const chainInitResult = z.object({
  chain: z.string(),
  chainId: z.int(),
  l1RpcUrl: z.string(),
  rollup: hex.describe('address of the rollup contract'),
  verifier: hex.describe('address of the verifier contract'),
  reusedContracts: z.boolean().describe('they were there already and fit'),
  genesisRoot: hex,
  database: z.string().describe('name of the core database'),
});
export const ecosystemInitResult = z.object({ ecosystem: z.string(), chains: z.array(chainInitResult) });
export const chainConfigsResult = z.object({ chain: z.string(), configs: z.string().describe('folder') });
export const defaultChainResult = z.object({ defaultChain: z.string() });
export const containersResult = z.object({ components: z.array(component) });

export const proverInitResult = z.object({
  chain: z.string(),
  objectStore: z.string().describe('folder'),
  database: z.object({ name: z.string(), created: z.boolean(), dropped: z.boolean() }).optional(),
  universalSetupPath: z.string().optional(),
  keyset: hex.optional(),
});
const keySummary = {
  keysDir: z.string(),
  aggregation,
  crs: z.string().describe('id of the reference string'),
  keyset: hex,
  snarkWrapper: hex,
  keys: z.array(z.object({ circuit: z.string(), target: z.string(), hash: hex, bytes: z.int() })),
};
export const keysListResult = z.object(keySummary);
export const setupKeysResult = z.object({
  mode: z.enum(['generate', 'download']),
  source: z.string().describe('where they came from, in words'),
  ...keySummary,
});
export const compressorKeysResult = z.object({
  crs: z.string(),
  points: z.int(),
  dir: z.string(),
  universalSetupPath: z.string(),
});

export const proverInfoResult = z.object({
  protocolVersion: z.string().describe('0.x.y'),
  snarkWrapper: hex,
  fflonkSnarkWrapper: hex.nullable(),
  databaseUrl: z.string(),
});
export const insertVersionResult = z.object({
  version: z.string(),
  snarkWrapper: hex,
  fflonkSnarkWrapper: hex.nullable(),
  inserted: z.boolean().describe('false: the row was there'),
});
export const insertBatchResult = z.object({ batch: z.int(), chainId: z.int(), version: z.string() });

const ended = { exitCode: z.int().nullable(), signal: z.string().nullable() };
export const proverRunResult = z.object({
  components: z.array(z.object({ id: z.string(), ...ended, restarts: z.int() })),
});
export const serverRunResult = z.object(ended);
export const serverWaitResult = z.object({ url: z.string(), waitedMs: z.number() });
export const serverBuildResult = z.object({ built: z.boolean() });

export const verifierCheck = z.object({
  verifier: z.string().describe('bundle, api or l1'),
  attests: z.enum(['batch', 'links']).describe('what its answer says: the batch, or only that public values link'),
  verdict,
  reason: z.string().optional(),
});
export const verifyResult = z.object({
  batch: z.int(),
  chainId: z.int(),
  aggregation,
  crs: z.string(),
  proofFile: z.string(),
  verdict,
  checks: z.array(verifierCheck),
});
export const receipt = z.object({
  verdict,
  system: z.literal('zksync'),
  variant: z.enum(['reference', 'upstream']),
  aggregation,
  crs: z.string(),
  batch: z.int(),
  chainId: z.int(),
  protocolVersion: z.string(),
  programs: z.record(z.string(), z.string()).describe('program to version'),
  keyHashes: z.record(z.string(), z.string()).describe('key to hash'),
  oldRoot: hex,
  newRoot: hex,
  records: z.int(),
  messages: z.int(),
  proofFile: z.string(),
  proofBytes: z.int(),
  stages: z.array(z.object({ name: z.string(), wallMs: z.number(), cpuMs: z.number().optional() })),
  checks: z.array(verifierCheck),
});
export const proveResult = receipt.extend({ receiptFile: z.string() });
export const quickstartResult = proveResult.extend({
  devnet: z.string(),
  badCopies: z
    .array(z.object({ name: z.string(), verdict, reason: z.string().optional() }))
    .describe('damaged copies of the proof; all of them must be rejected'),
  executedOnL1: z.boolean(),
  next: z.array(z.string()).describe('commands to try'),
});
export const jobTick = z.object({
  at: z.string(),
  state: z.string().describe("in the system's own words"),
  outcome: z.enum(['done', 'failed']).optional().describe('nothing more will happen to what is watched'),
  groups: z.array(
    z.object({
      stage: z.string(),
      kind: z.string(),
      queued: z.int(),
      waiting: z.int(),
      inProgress: z.int(),
      successful: z.int(),
      failed: z.int(),
    }),
  ),
});

/** Ticks of a batch say which; those of other systems have their own fields. */
export const watchTick = jobTick.extend({
  batch: z.int().nullable().optional(),
  chainId: z.int().nullable().optional(),
});

export const txSendResult = z.object({
  chainId: z.int(),
  contract: hex.nullable(),
  transactions: z.array(
    z.object({ hash: hex, kind: z.enum(['deploy', 'store', 'transfer', 'message']), block: z.int() }),
  ),
});
export const batchRow = z.object({
  number: z.int(),
  chainId: z.int(),
  sealedAt: z.string().nullable(),
  records: z.int().nullable(),
  messages: z.int().nullable(),
  state: z.string(),
});
export const batchListResult = z.object({ batches: z.array(batchRow) });
export const batchSealResult = z.object({ batch: batchRow });

export const upResult = z.object({
  devnet: z.string(),
  system: z.string(),
  components: z.array(
    z.object({
      id: z.string(),
      state: z.enum(['running', 'started', 'to start']),
      ports: z.record(z.string(), z.int()),
    }),
  ),
});
export const downResult = z.object({
  devnet: z.string(),
  stopped: z.array(z.string()),
  swept: z.array(z.string()),
  removed: z.boolean(),
});
export const gcResult = z.object({
  removed: z.boolean().describe('false with --plan'),
  containers: z.array(z.string()),
  networks: z.array(z.string()),
  volumes: z.array(z.string()),
});
export const statusResult = z.object({
  devnet: z.string(),
  workspace: z.string(),
  state: z.enum(['running', 'partial', 'stopped']),
  settings: z.looseObject({ system: z.string(), variant: z.string(), runtime: z.string() }).optional(),
  proving: z
    .object({ variant: z.string(), aggregation: z.string().optional(), crs: z.string() })
    .optional()
    .describe('what the proofs are worth; absent before the chain has a configuration'),
  components: z.array(
    z.looseObject({
      id: z.string(),
      state: z.enum(['running', 'exited', 'missing']),
      runtime: z.enum(['process', 'docker']).optional().describe('where it was started'),
      ready: z.boolean().optional(),
      pid: z.int().optional(),
      exitCode: z.int().optional(),
      signal: z.string().optional().describe('what ended it'),
      outOfMemory: z.boolean().optional().describe('the kernel killed it because it reached its memory limit'),
      ports: z.array(z.object({ name: z.string(), port: z.int() })),
      uptimeMs: z.number().optional(),
    }),
  ),
  total: z.looseObject({ rssBytes: z.number(), pssBytes: z.number().optional(), processes: z.int() }),
});
export const logLine = z.object({ component: z.string(), line: z.string() });
export const envResult = z.object({
  variables: z.record(z.string(), z.string()),
  files: z.array(z.string()).describe("written for the system's own tools"),
});
export const doctorResult = z.object({
  for: z.enum(['reference', 'upstream']),
  about: z.string(),
  fit: z.boolean(),
  checks: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      state: z.enum(['ok', 'warn', 'fail']),
      found: z.string(),
      needed: z.string(),
      fix: z.string().optional(),
      source: z.string().optional(),
    }),
  ),
});
