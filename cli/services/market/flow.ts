/** `market flow`: the guide from the first bid to the proof, both roles, against the running market. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { poll } from '../../../lib/deadline.ts';
import { USUAL_USERS } from '../../../systems/proof-market/index.ts';
import {
  askOf,
  bidOf,
  type MarketClient,
  MarketResponseError,
  type OrderDocument,
  type ProofDocument,
  type StatementDocument,
} from '../../../systems/proof-market/protocol/client/client.ts';
import { createVerifier } from '../../../systems/proof-market/protocol/proving/verify.ts';
import { EXAMPLE_STATEMENT_KEY } from '../../../systems/proof-market/protocol/types.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { step } from '../step.ts';
import { readJsonOf, writeJson } from './files.ts';
import { chooseInput } from './flow-input.ts';
import { type GeneratorChoice, generate, generatorOf } from './generate.ts';
import { actAs, answerOf, type MarketSession, openMarket } from './session.ts';
import type { UserBalance } from './users.ts';

export interface FlowInput extends GeneratorChoice {
  statement?: string | undefined;
  cost: number;
  /** Public input: absolute path of a JSON file; absent: the guide's example, or other numbers once that is proven. */
  file?: string | undefined;
  smp?: number | undefined;
  timeoutMs?: number | undefined;
}

export interface FlowResult {
  /** Of the market, and of the same check made here on the proof that was fetched. */
  verdict: 'accepted' | 'rejected';
  checks: { verifier: 'market' | 'local'; verdict: 'accepted' | 'rejected'; reason?: string | undefined }[];
  statement: string;
  input: unknown;
  /** What the proof says of the input, by name, decimal. */
  outputs: Record<string, string>;
  bid: OrderDocument;
  ask: OrderDocument;
  proof: ProofDocument;
  /** Absolute path of its text. */
  proofFile: string;
  /** The same bid once more: completed at once. */
  repeated: OrderDocument;
  balances: { before: UserBalance[]; after: UserBalance[] };
}

interface Flow {
  ctx: ServiceContext;
  market: MarketSession;
  input: FlowInput;
  generator: GeneratorChoice;
  requester: MarketClient;
  producer: MarketClient;
  signal: AbortSignal;
  /** Files of this run. */
  dir: string;
}

/** What does not run of the devnet is started. @throws DevkitError JOB_FAILED, TIMED_OUT, PROOF_REJECTED */
export async function marketFlow(ctx: ServiceContext, input: FlowInput): Promise<FlowResult> {
  if (input.file === undefined && (input.statement ?? EXAMPLE_STATEMENT_KEY) !== EXAMPLE_STATEMENT_KEY) {
    throw new DevkitError('USAGE', `the guide's numbers are for statement ${EXAMPLE_STATEMENT_KEY}`, {
      hint: `devkit market flow --statement ${input.statement} --file input.json`,
    });
  }
  const market = await openMarket(ctx);
  const { devnet } = market;
  const generator = await generatorOf(devnet.place.stack, input);
  await mkdir(devnet.ctx.paths.dataDir, { recursive: true });
  const dir = await mkdtemp(join(devnet.ctx.paths.dataDir, 'flow-'));
  try {
    return await devnet.whileRunning(devnet.specs, async (signal) => {
      const { client: requester } = await actAs(market, {}, USUAL_USERS.requester);
      const { client: producer } = await actAs(market, {}, USUAL_USERS.producer);
      return runFlow({ ctx, market, input, generator, requester, producer, signal, dir });
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runFlow(flow: Flow): Promise<FlowResult> {
  const { ctx, input, requester, producer, signal } = flow;
  const before = await balances(flow);
  const statement = await step(ctx, 'statement', 'requester: statement list', () => findStatement(flow));
  const publicInput =
    input.file === undefined
      ? await chooseInput(requester, statement._key, signal)
      : await readJsonOf('--file', input.file);
  const newBid = { statement_key: statement._key, cost: input.cost, input: publicInput };
  const bid = await step(ctx, 'bid', `requester: bid push, cost ${input.cost}`, () =>
    answerOf(requester.bids.push(newBid, signal)),
  );
  if (bid.status !== 'completed') await proveBid(flow, statement, bid._key);
  const done = await answerOf(requester.bids.get(bid._key, signal));
  const { proof, text, file } = await step(ctx, 'fetch', 'requester: proof get', () => fetchProof(flow, done));
  const local = await step(ctx, 'verify', 'the proof is verified once more, here', () =>
    createVerifier().check({
      statementKey: statement._key,
      definition: statement.definition,
      publicInput,
      proof: text,
      signal,
    }),
  );
  const repeated = await step(ctx, 'again', 'requester: the same bid again is completed at once', () =>
    answerOf(requester.bids.push(newBid, signal)),
  );
  if (repeated.status !== 'completed') throw notAtOnce(repeated);
  return {
    verdict: local.verdict === 'accepted' ? 'accepted' : 'rejected',
    checks: [
      { verifier: 'market', verdict: 'accepted' },
      {
        verifier: 'local',
        verdict: local.verdict === 'accepted' ? 'accepted' : 'rejected',
        reason: local.verdict === 'accepted' ? undefined : local.reason,
      },
    ],
    statement: statement._key,
    input: publicInput,
    outputs: local.verdict === 'accepted' ? local.outputs : {},
    bid: done,
    // a bid whose proof was known is matched with nobody: the ask is that of the first sale
    ask: await answerOf(producer.asks.get(askOf(done) ?? proof.ask_key ?? '', signal)),
    proof,
    proofFile: file,
    repeated,
    balances: { before, after: await balances(flow) },
  };
}

async function findStatement({ input, requester, signal }: Flow): Promise<StatementDocument> {
  const key = input.statement ?? EXAMPLE_STATEMENT_KEY;
  const listed = (await answerOf(requester.statements.list(signal))).find(({ _key }) => _key === key);
  return listed ?? answerOf(requester.statements.get(key, signal));
}

/** Asks of one run: others' older bids may be matched before this one. */
const MOST_ASKS = 10;

/** Until the bid is completed: by us, or by another producer whose ask it was matched with. */
async function proveBid(flow: Flow, statement: StatementDocument, bidKey: string): Promise<void> {
  const { ctx, input, requester, producer, signal } = flow;
  for (let asks = 0; asks < MOST_ASKS; asks++) {
    const bid = await answerOf(requester.bids.get(bidKey, signal));
    if (bid.status !== 'created') return waitForOther(flow, bidKey);
    const mine = await step(ctx, 'ask', `producer: ask push, cost ${input.cost}`, () =>
      answerOf(producer.asks.push({ statement_key: statement._key, cost: input.cost }, signal)),
    );
    const matched = await step(ctx, 'match', 'both: the orders are matched', () => matchedOrWithdrawn(flow, mine._key));
    if (matched !== undefined) await proveMatched(flow, statement, matched);
    if (matched !== undefined && bidOf(matched) === bidKey) return;
  }
  throw new DevkitError('JOB_FAILED', `bid ${bidKey} was not matched: ${MOST_ASKS} asks went to older bids`, {
    hint: `devkit market book ${statement._key}`,
  });
}

/** The ask as it is matched; undefined when its bid went to somebody else meanwhile: then it is withdrawn. */
async function matchedOrWithdrawn({ producer, signal }: Flow, askKey: string): Promise<OrderDocument | undefined> {
  const read = (): Promise<OrderDocument> => answerOf(producer.asks.get(askKey, signal));
  const order = await read();
  if (order.status !== 'created') return order;
  const withdrawn = producer.asks.withdraw(askKey, signal).then(() => true, falseOnConflict);
  // a bid that came between the two calls has it
  return (await answerOf(withdrawn)) ? undefined : read();
}

function falseOnConflict(error: unknown): false {
  if (error instanceof MarketResponseError && error.status === 409) return false;
  throw error;
}

async function proveMatched(flow: Flow, statement: StatementDocument, mine: OrderDocument): Promise<void> {
  const { ctx, input, generator, producer, signal, dir } = flow;
  const bidKey = bidOf(mine) ?? '';
  const file = (name: string): string => join(dir, `${mine._key}-${name}`);
  const [circuitInput, publicInput, proofOut] = [file('statement.json'), file('input.json'), file('proof.bin')];
  await step(ctx, 'inputs', 'producer: statement get, bid input', async () => {
    await writeJson(circuitInput, statement);
    await writeJson(publicInput, (await answerOf(producer.bids.get(bidKey, signal))).input ?? null);
  });
  await step(ctx, 'generate', 'producer: proof generate', () =>
    generate({ ...ctx, signal }, { ...generator, circuitInput, publicInput, proofOut, smp: input.smp }),
  );
  await step(ctx, 'push', 'producer: proof push', async () =>
    answerOf(producer.proofs.push((await readFile(proofOut, 'utf8')).trim(), { askKey: mine._key }, signal)),
  );
}

async function waitForOther(flow: Flow, bidKey: string): Promise<void> {
  const { ctx, requester, signal, input } = flow;
  await step(ctx, 'other', 'another producer had the better ask: its proof is waited for', () =>
    poll(async () => ((await answerOf(requester.bids.get(bidKey, signal))).status === 'completed' ? true : undefined), {
      intervalMs: 100,
      maxIntervalMs: 500,
      signal,
      ...(input.timeoutMs === undefined ? {} : { timeoutMs: input.timeoutMs }),
    }),
  );
}

async function fetchProof(
  { market, requester, signal }: Flow,
  bid: OrderDocument,
): Promise<{ proof: ProofDocument; text: string; file: string }> {
  const found = await answerOf(requester.proofs.ofBid(bid._key, signal));
  if (found?.proof === undefined) {
    throw new DevkitError('NOT_FOUND', `bid ${bid._key} is ${bid.status} and has no proof`, {
      hint: `devkit market watch ${bid._key}`,
    });
  }
  const { proof: text, ...proof } = found;
  const file = join(market.devnet.ctx.paths.dataDir, 'proofs', `${proof._key}.bin`);
  await writeFileAtomic(file, text);
  return { proof, text, file };
}

async function balances({ requester, producer, signal }: Flow): Promise<UserBalance[]> {
  const { requester: first, producer: second } = USUAL_USERS;
  return Promise.all([answerOf(requester.balance(first, signal)), answerOf(producer.balance(second, signal))]);
}

const notAtOnce = ({ _key, status }: OrderDocument): DevkitError =>
  new DevkitError('JOB_FAILED', `bid ${_key} of a proven input is ${status}, not completed at once`, {
    hint: 'please report this with the log: devkit logs market',
  });
