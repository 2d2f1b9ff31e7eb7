/** `market proof …`. */
import { defineCommand, defineGroup } from '../define.ts';
import { text } from '../options.ts';
import { ACTOR, actorOf, GENERATOR, generatorOf, optionalKey, results, SHARDS } from './shared.ts';

const pushCommand = defineCommand({
  name: 'push',
  summary: 'the proof of a matched order; the market verifies it',
  about:
    'Acts as `producer` unless told otherwise. One of the two keys suffices. Exit code 7 when the market rejects the proof: then the ask is withdrawn and its deposit lost.',
  examples: ['market proof push --ask-key 100000002 --file proof.bin'],
  options: {
    ...ACTOR,
    askKey: text('key of the ask', { short: 'a', placeholder: 'key', oldNames: ['ask_key', 'proposal_key'] }),
    bidKey: text('key of the bid', { short: 'b', placeholder: 'key', oldNames: ['bid_key', 'request_key'] }),
    file: text('file that the generator wrote', { short: 'f', placeholder: 'file', required: true }),
  },
  output: async () => (await results()).proofResult,
  async run(ctx, input) {
    const { proofPush } = await import('../../services/market/proofs.ts');
    return proofPush(await ctx.service(), {
      ...actorOf(ctx, input),
      ask: optionalKey('--ask-key', input.askKey),
      bid: optionalKey('--bid-key', input.bidKey),
      file: ctx.path(input.file ?? ''),
    });
  },
  render: ({ proof }) => [`Proof is pushed and verified, key ${proof._key}`],
});

const getCommand = defineCommand({
  name: 'get',
  summary: 'a proof, by its key or that of the bid',
  about: 'Acts as `requester` unless told otherwise. Only who made or bought a proof sees its text.',
  examples: ['market proof get --bid-key 100000001 --file proof.bin'],
  options: {
    ...ACTOR,
    proofKey: text('key of the proof', { short: 'p', placeholder: 'key', oldNames: ['proof_key'] }),
    bidKey: text('key of the bid', { short: 'b', placeholder: 'key', oldNames: ['bid_key', 'request_key'] }),
    file: text('file to write the text to; default: it is printed', { short: 'f', placeholder: 'file' }),
  },
  output: async () => (await results()).proofFileResult,
  async run(ctx, input) {
    const { proofGet } = await import('../../services/market/proofs.ts');
    return proofGet(await ctx.service(), {
      ...actorOf(ctx, input),
      proof: optionalKey('--proof-key', input.proofKey),
      bid: optionalKey('--bid-key', input.bidKey),
      file: input.file === undefined ? undefined : ctx.path(input.file),
    });
  },
  render: ({ proof, file }) => [file === null ? (proof.proof ?? '') : `Proof is saved to ${file}`],
});

const generateCommand = defineCommand({
  name: 'generate',
  summary: 'make a proof from the files of a statement and an input',
  about:
    "devkit's own generator, or a program or image of yours. What counts is the file that it wrote and what the verifier says of it, not its exit code. With --smp and --shard0-mem-scale the memory is divided as in the guide, and refused when this machine does not have it; the total is a limit.",
  examples: [
    'market proof generate --circuit_input statement.json --public_input input.json --proof_out proof.bin',
    'market proof generate --circuit_input statement.json --public_input input.json --proof_out proof.bin --smp 8 --shard0-mem-scale 9',
  ],
  foreground: true,
  options: {
    circuitInput: text('the statement', { long: 'circuit_input', placeholder: 'file', required: true }),
    publicInput: text('the public input', { long: 'public_input', placeholder: 'file', required: true }),
    proofOut: text('where to write the proof', { long: 'proof_out', placeholder: 'file', required: true }),
    ...SHARDS,
    ...GENERATOR,
  },
  output: async () => (await results()).generateResult,
  async run(ctx, input) {
    const { generateForUser } = await import('../../services/market/generate.ts');
    return generateForUser(await ctx.service(), {
      circuitInput: ctx.path(input.circuitInput ?? ''),
      publicInput: ctx.path(input.publicInput ?? ''),
      proofOut: ctx.path(input.proofOut ?? ''),
      smp: input.smp,
      shard0MemScale: input.shard0MemScale,
      memory: input.memory,
      ...generatorOf(ctx, input),
    });
  },
  render: ({ file, judgedBy }) => [
    judgedBy === 'verifier'
      ? `${file}: accepted by the verifier`
      : `${file}: its generator says that it is verified; nothing here can check it`,
  ],
});

export const proofGroup = defineGroup({
  name: 'proof',
  summary: 'proofs: made, pushed, fetched',
  commands: [pushCommand, getCommand, generateCommand],
});
