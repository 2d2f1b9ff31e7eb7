/** The two routes of the prover gateway (upstream: prover/crates/bin/prover_fri_gateway). */
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { Logger } from '../../../../lib/component/log.ts';
import { formatVersion } from '../../protocol/ids.ts';
import {
  findReadyProof,
  insertWitnessInput,
  markSentToServer,
  offerProofAgain,
} from '../../protocol/prover-db/intake.ts';
import { proverFinalProofKey, witnessInputKey } from '../../protocol/store/keys.ts';
import { getObject, type ObjectStore, putObject } from '../../protocol/store/object-store.ts';
import {
  type L1BatchId,
  POLL_PATH,
  type PollAnswer,
  type ProofGenerationData,
  pollAnswerToJson,
  pollRequestFromJson,
  proofGenerationDataFromJson,
  SUBMIT_PATH,
} from '../../protocol/wire/gateway.ts';
import { decodeL1BatchProof } from '../../protocol/wire/l1-batch-proof.ts';
import { encodeWitnessInput } from '../../protocol/wire/witness-input.ts';
import { HttpError, sendJson } from '../shared/http.ts';

export interface GatewayContext {
  pool: Pool;
  store: ObjectStore;
  log: Logger;
}

export function addGatewayRoutes(app: FastifyInstance, context: GatewayContext): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, readJson(body)));
  app.post(SUBMIT_PATH, async (request, reply) => {
    const data = extract(request.headers, request.body, (value) => proofGenerationDataFromJson(value, new Date()));
    await submit(context, data);
    return sendJson(reply, null);
  });
  app.post(POLL_PATH, async (request, reply) => {
    const id = extract(request.headers, request.body, pollRequestFromJson);
    const answer = await poll(context, id);
    const lost = (): void => void (reply.raw.writableFinished || takeBack(context, id));
    // the connection may have ended while the answer was prepared: then no event comes any more
    if (answer && request.raw.socket.destroyed) lost();
    else if (answer) reply.raw.once('close', lost);
    return sendJson(reply, pollAnswerToJson(answer));
  });
}

/** Stores the input, then inserts version and job. Repeated, it only puts a proof that was handed out on offer again. */
async function submit({ pool, store, log }: GatewayContext, data: ProofGenerationData): Promise<void> {
  const id = { batch: data.l1BatchNumber, chainId: data.chainId };
  const blob = encodeWitnessInput(data.witnessInputData);
  const witnessInputUrl = await storeCall(() => putObject(store, witnessInputKey(id), blob));
  const isNew = await dbCall(() =>
    insertWitnessInput(pool, {
      ...id,
      batchSealedAt: data.batchSealedAt,
      witnessInputUrl,
      version: { version: data.protocolVersion, ...data.l1VerifierConfig },
    }),
  );
  const version = formatVersion(data.protocolVersion);
  log.info({ ...id, version, bytes: blob.length }, isNew ? 'batch accepted' : 'batch was here already');
  // a core that submits again has not kept the proof it may have been given
  if (!isNew && (await dbCall(() => offerProofAgain(pool, id)))) log.info({ ...id }, 'its proof is on offer again');
}

/** A proof is handed out once; a caller that loses it gets it again by submitting the batch again. */
async function poll(
  { pool, store, log }: GatewayContext,
  { batchNumber, chainId }: L1BatchId,
): Promise<PollAnswer | undefined> {
  const id = { batch: batchNumber, chainId };
  const version = await dbCall(() => findReadyProof(pool, id));
  if (version === undefined) return undefined;
  const proof = await storeCall(async () => {
    const key = proverFinalProofKey(id, version);
    return decodeL1BatchProof(await getObject(store, key), key.key);
  });
  await dbCall(() => markSentToServer(pool, id));
  log.info(id, 'proof handed to the core');
  return { l1BatchId: { chainId, batchNumber }, proof };
}

/** The caller went away before it had the whole answer. */
async function takeBack({ pool, log }: GatewayContext, { batchNumber: batch, chainId }: L1BatchId): Promise<void> {
  try {
    await offerProofAgain(pool, { batch, chainId });
    log.warn({ batch, chainId }, 'the caller did not take the proof: it is on offer again');
  } catch (error) {
    log.error({ err: error, batch, chainId }, 'the caller did not take the proof, and it could not be offered again');
  }
}

const storeCall = <T>(call: () => Promise<T>): Promise<T> => named('GCS error', call);
const dbCall = <T>(call: () => Promise<T>): Promise<T> => named('Database query failed', call);

async function named<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new HttpError(500, `${what}: ${(cause as Error).message}`, { cause });
  }
}

/** Body that could not be parsed; thrown only when a route wants it. */
interface Unread {
  unread: HttpError;
}

type Headers = Readonly<Record<string, unknown>>;

function readJson(body: string | Buffer): { json: unknown } | Unread {
  try {
    return { json: JSON.parse(body.toString()) };
  } catch (cause) {
    const message = `Failed to parse the request body as JSON: ${(cause as Error).message}`;
    return { unread: new HttpError(400, message, { cause }) };
  }
}

/** Reads a body as axum's `Json` extractor does: 415 wrong type, 400 no JSON, 422 other shape. */
function extract<T>(headers: Headers, body: unknown, read: (value: unknown) => T): T {
  if (!/^application\/(json|[\w.+-]+\+json)\s*(;|$)/i.test(String(headers['content-type'] ?? ''))) {
    throw new HttpError(415, 'Expected request with `Content-Type: application/json`');
  }
  const parsed = (body ?? readJson('')) as { json: unknown } | Unread;
  if ('unread' in parsed) throw parsed.unread;
  try {
    return read(parsed.json);
  } catch (cause) {
    const message = `Failed to deserialize the JSON body into the target type: ${(cause as Error).message}`;
    throw new HttpError(422, message, { cause });
  }
}
