/** Whether a proof is one of a statement for a public input. Every member of the proof is compared; the key is the program's own. */
import { proofDefect } from '../../../../proving/bb/shape.ts';
import type { ProofVerifier, StatementCircuit as PublishedStatement } from '../verifier.ts';
import { type BackEnd, type BackEndOptions, openBackEnd } from './back-end.ts';
import {
  DefinitionError,
  encodeValues,
  type NamedValue,
  parseDefinition,
  programId,
  type StatementCircuit,
  TYPES,
} from './definition.ts';
import { fromLimbs } from './pallas.ts';
import { decodeProofText, type MarketProof, ProofFileError } from './proof-file.ts';
import { PublicInputError, parsePublicInput } from './public-input.ts';

export interface VerifyJob {
  /** `_key` that the proof must name; null for a statement that is not published. */
  statementKey: string | null;
  definition: unknown;
  publicInput: unknown;
  /** Text of the proof file. */
  proof: string;
  signal?: AbortSignal;
}

/** `outputs`: what an accepted proof says about the input, by name, as decimal numbers. */
export type CheckedProof =
  | { verdict: 'accepted'; outputs: Record<string, string> }
  | { verdict: 'rejected'; reason: string }
  | { verdict: 'unsupported'; reason: string };

export interface StatementVerifier extends ProofVerifier {
  verify(job: Parameters<ProofVerifier['verify']>[0]): Promise<CheckedProof>;
  inputDefect(statement: Pick<PublishedStatement, 'definition'>, input: unknown): string | undefined;
  /** As `verify`, also for a statement that is not published. */
  check(job: VerifyJob): Promise<CheckedProof>;
  /** Why proofs of a definition cannot be checked here, e.g. a key that is not its program's; undefined: they can be. */
  definitionDefect(definition: unknown, signal?: AbortSignal): Promise<string | undefined>;
}

/** Statements whose keys are kept in memory. */
const KEPT = 32;

/** Checks proofs of the statements whose `definition` holds a Noir program; others are `unsupported`. */
export function createVerifier({ cacheDir }: Pick<BackEndOptions, 'cacheDir'> = {}): StatementVerifier {
  const open = keepOpened(cacheDir);
  const check = (job: VerifyJob): Promise<CheckedProof> => asVerdict(() => checkProof(job, open));
  return {
    check,
    verify: ({ statement, input, proof, signal }) =>
      check({ statementKey: statement.key, definition: statement.definition, publicInput: input, proof, signal }),
    inputDefect: ({ definition }, input) => {
      try {
        encodeValues(parseDefinition(definition).inputs, parsePublicInput(input));
        return undefined;
      } catch (error) {
        const { verdict, reason } = faultOf(error);
        return verdict === 'rejected' ? reason : undefined;
      }
    },
    definitionDefect: async (definition, signal) => {
      try {
        await open(parseDefinition(definition), signal);
        return undefined;
      } catch (error) {
        return faultOf(error).reason;
      }
    },
  };
}

type Open = (statement: StatementCircuit, signal?: AbortSignal) => Promise<BackEnd>;

function keepOpened(cacheDir: string | undefined): Open {
  const opened = new Map<string, BackEnd>();
  return async (statement, signal) => {
    const { program, crs, inputs, outputs, key } = statement;
    const keyBytes = Buffer.from(key.bytes).toString('base64');
    const id = JSON.stringify([programId(program), crs, inputs, outputs, String(key.hash), keyBytes]);
    const known = opened.get(id);
    if (known !== undefined) return known;
    const made = await openBackEnd(statement, { ...(cacheDir && { cacheDir }), ...(signal && { signal }) });
    if (opened.size >= KEPT) opened.clear();
    opened.set(id, made);
    return made;
  };
}

async function checkProof(job: VerifyJob, open: Open): Promise<CheckedProof> {
  const { statementKey, signal } = job;
  const statement = parseDefinition(job.definition);
  const inputs = encodeValues(statement.inputs, parsePublicInput(job.publicInput));
  const file = decodeProofText(job.proof);
  const { bb, key } = await open(statement, signal);
  const proof = { bytes: file.proof, publicInputs: file.publicInputs };
  const reason = difference(file, statement, statementKey, inputs) ?? proofDefect(proof, key);
  if (reason !== undefined) return { verdict: 'rejected', reason };
  const valid = await bb.verify({ proof, key, ...(signal && { signal }) });
  if (!valid) return { verdict: 'rejected', reason: 'the proof does not verify' };
  return { verdict: 'accepted', outputs: decodeOutputs(statement.outputs, file.publicInputs.slice(inputs.length)) };
}

/** The first member of the proof file that is not that of the statement and the input. */
function difference(
  proof: MarketProof,
  statement: StatementCircuit,
  statementKey: string | null,
  inputs: readonly bigint[],
): string | undefined {
  const { circuit, program, key, crs } = statement;
  if (proof.statement !== statementKey) {
    return `it is a proof of statement ${proof.statement ?? '(unpublished)'}, not ${statementKey ?? '(unpublished)'}`;
  }
  if (proof.circuit !== circuit) return `it is a proof of circuit ${proof.circuit}, not ${circuit}`;
  if (proof.program !== programId(program)) return 'it is a proof of another program';
  // the statement's key is the program's own once the back end is open
  if (proof.keyHash !== key.hash) return 'it was made for another verification key';
  if (proof.crs !== crs) return `it was made under the reference string ${proof.crs}, not ${crs}`;
  const same = inputs.every((value, index) => proof.publicInputs[index] === value);
  return same ? undefined : 'it is the proof of another public input';
}

function decodeOutputs(types: readonly NamedValue[], fields: readonly bigint[]): Record<string, string> {
  let at = 0;
  return Object.fromEntries(
    types.map(({ name, type }) => {
      const words = fields.slice(at, at + TYPES[type].fields);
      at += words.length;
      return [name, String(type === 'pallas' ? fromLimbs(words) : words[0])];
    }),
  );
}

async function asVerdict(check: () => Promise<CheckedProof>): Promise<CheckedProof> {
  try {
    return await check();
  } catch (error) {
    return faultOf(error);
  }
}

/** Whose fault it is, in words: the developer's (nobody here can tell), or the requester's or producer's. @throws anything else */
function faultOf(error: unknown): Exclude<CheckedProof, { verdict: 'accepted' }> {
  if (error instanceof DefinitionError) return { verdict: 'unsupported', reason: error.message };
  if (error instanceof PublicInputError || error instanceof ProofFileError) {
    return { verdict: 'rejected', reason: error.message };
  }
  throw error;
}
