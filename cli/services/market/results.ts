/** Schemas of what `market … --json` prints (beside `schemaVersion`). Documents are the market's own, whatever fields they have. */
import { z } from 'zod';
import { jobTick } from '../results.ts';

const key = z.string().describe('decimal');
const envelope = { _key: key, _id: z.string(), _rev: z.string(), createdOn: z.int(), updatedOn: z.int() };
export const document = z.looseObject(envelope).describe('as the market gives it');
const status = z.enum(['created', 'processing', 'completed', 'withdrawn']);
const order = z.looseObject({
  ...envelope,
  statement_key: key,
  cost: z.number(),
  status,
  eval_time: z.number().nullable().describe('minutes'),
  wait_period: z.number().nullable().describe('minutes'),
});
const statement = z.looseObject({ ...envelope, name: z.string(), type: z.string() });
const proof = z.looseObject({ ...envelope, statement_key: key });

const balance = {
  user: z.string(),
  balance: z.number().describe('tokens that can be spent'),
  blocked: z.number().describe('tokens that open orders hold'),
};
const file = z.string().describe('absolute path');

export const userLoginResult = z.object({ ...balance, login: file.describe('file with the login, mode 0600') });
export const userListResult = z.object({
  users: z.array(
    z.object({
      user: z.string(),
      balance: z.number().nullable().describe('tokens that can be spent; null: this market does not take the login'),
      blocked: z.number().nullable().describe('tokens that open orders hold'),
    }),
  ),
});
export const userAuthResult = z.object({ user: z.string().nullable(), file });
export const statementListResult = z.object({ statements: z.array(statement) });
export const statementResult = z.object({ statement, file: file.nullable() });
const values = z.array(z.object({ name: z.string(), type: z.enum(['pallas', 'bn254']) }));
export const prepareResult = z.object({ file, circuit: z.string(), inputs: values, outputs: values });
export const orderResult = z.object({ order });
export const ordersResult = z.object({ orders: z.array(order) });
export const inputResult = z.object({ bid: key, input: z.unknown(), file });
export const proofResult = z.object({ proof });
export const proofFileResult = z.object({ proof, file: file.nullable().describe('null: the text is `proof.proof`') });
export const generateResult = z.object({
  file,
  length: z.int().describe('characters of its text'),
  judgedBy: z.enum(['verifier', 'message']).describe('message: the generator says so, and nothing here can check it'),
});
export const producerRunResult = z.object({ producers: z.array(z.object({ id: z.string(), user: z.string() })) });

const level = z.object({
  cost: z.number(),
  eval_time: z.number().nullable(),
  ordersAmount: z.int(),
  userOrdersAmount: z.int(),
});
export const bookResult = z.object({ statement: key, proposals: z.array(level), requests: z.array(level) });

const verdict = z.enum(['accepted', 'rejected']);
export const flowResult = z.object({
  verdict,
  checks: z.array(z.object({ verifier: z.enum(['market', 'local']), verdict, reason: z.string().optional() })),
  statement: key,
  input: z.unknown(),
  outputs: z.record(z.string(), z.string()).describe('what the proof says of the input, decimal'),
  bid: order,
  ask: order,
  proof,
  proofFile: file,
  repeated: order.describe('the same bid once more, completed at once'),
  balances: z.object({ before: z.array(z.object(balance)), after: z.array(z.object(balance)) }),
});

export const marketTick = jobTick.extend({
  orders: z
    .array(
      z.object({
        key,
        side: z.enum(['bid', 'ask']),
        sender: z.string(),
        statementKey: key,
        cost: z.number(),
        status,
        counterpart: key.nullable(),
        counterpartSender: z.string().nullable(),
        dueOn: z.int().nullable().describe('until then the proof may come'),
        verifying: z.boolean(),
        proofKey: key.nullable(),
        generationTime: z.number().nullable().describe('minutes'),
        updatedOn: z.int(),
      }),
    )
    .describe(
      'of one order: itself and its counterpart; of all: what is open at the first look, what changed at later ones',
    ),
});
