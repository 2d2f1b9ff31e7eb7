/** `market statement …`. */
import { USUAL_USERS } from '../../../systems/proof-market/index.ts';
import { createMarketClient, type StatementDocument } from '../../../systems/proof-market/protocol/client/client.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { MEND, readJsonOf, writeJson } from './files.ts';
import { type Actor, actAs, answerOf, openMarket } from './session.ts';

/** Public statements, and those of the usual requester. */
export async function statementList(ctx: ServiceContext, actor: Actor): Promise<{ statements: StatementDocument[] }> {
  const { client } = await actAs(await openMarket(ctx), actor, USUAL_USERS.requester);
  return { statements: await answerOf(client.statements.list(ctx.signal)) };
}

/** `out`: absolute path to write it to, what a generator takes as `--circuit_input`. */
export async function statementGet(
  ctx: ServiceContext,
  input: { key: string; out?: string | undefined },
): Promise<{ statement: StatementDocument; file: string | null }> {
  const { url } = await openMarket(ctx);
  const statement = await answerOf(createMarketClient({ url }).statements.get(input.key, ctx.signal));
  if (input.out !== undefined) await writeJson(input.out, statement);
  return { statement, file: input.out ?? null };
}

/** @throws DevkitError USAGE with what the market finds wrong */
export async function statementPush(
  ctx: ServiceContext,
  input: Actor & { file: string },
): Promise<{ statement: StatementDocument; file: string }> {
  const { client } = await actAs(await openMarket(ctx), input, USUAL_USERS.requester);
  const body = await readJsonOf('--file', input.file);
  if (typeof body !== 'object' || body === null) {
    throw new DevkitError('CONFIG_INVALID', `--file ${input.file}: not a statement, a JSON object`, { hint: MEND });
  }
  return { statement: await answerOf(client.statements.push(body, ctx.signal)), file: input.file };
}

export interface PrepareInput {
  /** Folder of a Noir package; absolute. */
  circuit: string;
  out: string;
  name: string;
  type: string;
  isPrivate: boolean;
  description?: string | undefined;
  inputDescription?: string | undefined;
  url?: string | undefined;
  outputs?: readonly string[] | undefined;
}

export interface PrepareResult {
  file: string;
  circuit: string;
  inputs: { name: string; type: string }[];
  outputs: { name: string; type: string }[];
}

/** A statement file from a Noir package, as `prepare_statement.py` makes one from LLVM IR. @throws DevkitError CONFIG_INVALID */
export async function statementPrepare({ signal }: ServiceContext, input: PrepareInput): Promise<PrepareResult> {
  const { circuit, outputs, out, name, type, isPrivate, description, url } = input;
  const { prepareDefinition } = await import('../../../systems/proof-market/protocol/proving/prepare.ts');
  const definition = await prepareDefinition(circuit, { outputs, signal }).catch((cause: Error) => {
    if (cause.name !== 'DefinitionError' && cause.name !== 'CompileError') throw cause;
    throw new DevkitError('CONFIG_INVALID', `--circuit ${circuit}: ${cause.message}`, { hint: MEND, cause });
  });
  const { proving_key: program } = definition;
  const described = program.inputs.map(({ name: one, type: kind }) => `${one} (${kind})`).join(', ');
  await writeJson(out, {
    name,
    description: description ?? name,
    url: url ?? '',
    input_description: input.inputDescription ?? `numbers, in this order: ${described}`,
    type,
    isPrivate,
    definition,
  });
  return { file: out, circuit: program.circuit, inputs: program.inputs, outputs: program.outputs };
}
