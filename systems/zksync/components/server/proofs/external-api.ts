/** The external proof integration API: witness inputs out, proofs in to be checked. Texts and codes as upstream's. */
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import multipart, { type MultipartFile } from '@fastify/multipart';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { BatchNotReadyError } from '../../../protocol/core-db/expected.ts';
import { latestProvenBatch } from '../../../protocol/core-db/proof-generation.ts';
import { ObjectNotFoundError } from '../../../protocol/store/object-store.ts';
import { decodeL1BatchProof } from '../../../protocol/wire/l1-batch-proof.ts';
import { encodeWitnessInput } from '../../../protocol/wire/witness-input.ts';
import type { ServerContext } from '../context.ts';
import type { ProofChecker } from './checker.ts';
import { loadWitnessInput } from './witness-input.ts';

/** Upload limit of upstream's web framework. */
export const DEFAULT_BODY_LIMIT = 2 * 1024 * 1024;

const FIELD = 'proof';
const CONTENT_TYPE = 'application/octet-stream';
const NO_FILE = `File not found in request. It was expected to be in the field ${FIELD} with the content type ${CONTENT_TYPE}`;

const TOO_LARGE = 'Invalid file: Multipart error: request file too large';

class AnswerError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function externalApi(
  server: Pick<ServerContext, 'pool' | 'store' | 'log'>,
  checker: Pick<ProofChecker, 'check'>,
  options: { bodyLimit?: number; signal: AbortSignal },
): FastifyInstance {
  const bodyLimit = options.bodyLimit ?? DEFAULT_BODY_LIMIT;
  const app = Fastify({ bodyLimit, forceCloseConnections: true });
  // whatever else is sent gets the answer of the multipart reader, not one about its type
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null, undefined);
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).type('text/plain; charset=utf-8').send(`no route ${request.method} ${request.url}`),
  );
  app.register(multipart, { limits: { fileSize: bodyLimit, fields: 10, files: 10 }, throwFileSizeLimit: true });
  app.setErrorHandler((error, request, reply) => {
    const { status, message } = toAnswer(error as Error);
    if (status >= 500) server.log.error({ err: error, url: request.url }, (error as Error).message);
    return reply.code(status).type('text/plain; charset=utf-8').send(message);
  });
  app.addHook('onSend', async (request, reply, payload) => compressed(request, reply, payload));
  const hand = async (batch: number) => ({
    name: `witness_inputs_${batch}.cbor`,
    bytes: Buffer.from(encodeWitnessInput(await loadWitnessInput(server, batch))),
  });
  app.get('/proof_generation_data', async (_request, reply) => {
    const batch = await latestProvenBatch(server.pool);
    if (batch === undefined) throw new Error('no batch has a proof yet');
    const file = await hand(batch);
    return reply.headers(download(file.name)).send(file.bytes);
  });
  app.get<{ Params: { n: string } }>('/proof_generation_data/:n', async (request, reply) => {
    const file = await hand(batchParam(request.params.n));
    return reply.headers(download(file.name)).send(file.bytes);
  });
  for (const path of ['/verify_proof/:n', '/verify_batch/:n']) {
    app.post<{ Params: { n: string } }>(path, async (request, reply) => {
      const batch = batchParam(request.params.n);
      const file = await uploadedFile(request, bodyLimit);
      checkDecodable(file);
      const verdict = await checker.check(batch, file, options.signal).catch(notFound(batch));
      server.log.info({ batch, ...verdict }, 'proof checked');
      if (verdict.verdict === 'rejected') throw new AnswerError(400, 'Invalid proof submitted');
      return reply.code(200).send();
    });
  }
  return app;
}

const download = (name: string) => ({
  'content-type': CONTENT_TYPE,
  'content-disposition': `attachment; filename="${name}"`,
});

const COMPRESS_FROM_BYTES = 1024;
/** By upstream's preference among what the caller accepts. */
const ENCODINGS = [
  ['zstd', promisify(zstdCompress)],
  ['gzip', promisify(gzip)],
] as const;

/** Answers of more than 1 KB are compressed when the caller asks for it. */
async function compressed(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (!Buffer.isBuffer(payload) || payload.length <= COMPRESS_FROM_BYTES) return payload;
  const accepted = String(request.headers['accept-encoding'] ?? '')
    .split(',')
    .map((part) => part.split(';')[0]?.trim());
  const found = ENCODINGS.find(([name]) => accepted.includes(name));
  if (found === undefined) return payload;
  const [name, compress] = found;
  const bytes = await compress(payload);
  reply.headers({ 'content-encoding': name, vary: 'accept-encoding', 'content-length': bytes.length });
  return bytes;
}

function batchParam(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffff_ffff) {
    throw new AnswerError(400, `Invalid URL: Cannot parse \`${text}\` to a \`u32\``);
  }
  return Number(text);
}

/** The part `proof` with the right content type and at least one byte. */
async function uploadedFile(request: FastifyRequest, bodyLimit: number): Promise<Uint8Array> {
  if (!request.isMultipart()) {
    throw new AnswerError(400, 'Invalid file: Multipart error: Invalid `boundary` for `multipart/form-data` request');
  }
  // the limit is of the whole body, as upstream's; the reader itself knows only the file's size
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) throw new AnswerError(400, TOO_LARGE);
  let found: Uint8Array | undefined;
  try {
    for await (const part of request.parts()) {
      if (part.type !== 'file') continue;
      const bytes = await part.toBuffer();
      if (isProofPart(part) && bytes.length > 0) found ??= bytes;
    }
  } catch (error) {
    throw new AnswerError(400, `Invalid file: Multipart error: ${(error as Error).message}`);
  }
  if (found === undefined) throw new AnswerError(400, `Invalid file: ${NO_FILE}`);
  return found;
}

const isProofPart = (part: MultipartFile): boolean => part.fieldname === FIELD && part.mimetype === CONTENT_TYPE;

function checkDecodable(bytes: Uint8Array): void {
  try {
    decodeL1BatchProof(bytes);
  } catch {
    throw new AnswerError(400, 'Processor error: Failed to deserialize proof data');
  }
}

/** A batch that is not known answers as upstream does when its own proof is not in the store. */
const notFound =
  (batch: number) =>
  (error: unknown): never => {
    if (error instanceof BatchNotReadyError) {
      throw new AnswerError(500, `GCS error: key not found: proof of batch ${batch}: ${error.message}`);
    }
    throw error;
  };

function toAnswer(error: Error & { statusCode?: number; code?: string }): { status: number; message: string } {
  if (error instanceof AnswerError) return { status: error.status, message: error.message };
  if (error instanceof ObjectNotFoundError) return { status: 500, message: `GCS error: ${error.message}` };
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { status: 400, message: `Invalid file: Multipart error: ${error.message}` };
  }
  if (error.statusCode !== undefined && error.statusCode < 500)
    return { status: error.statusCode, message: error.message };
  return { status: 500, message: 'Internal error' };
}
