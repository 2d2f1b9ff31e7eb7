/** Barretenberg (UltraHonk): keys, proofs, verdicts, Solidity verifiers, by the native `bb` command. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  BB_VERSION,
  type BbBinaries,
  CANONICAL_G2,
  checkedBinaries,
  fileIdentity,
  isCanonicalG2,
} from './bb/binary.ts';
import {
  assertCrsUntouched,
  BbError,
  CrsTooSmallError,
  crsFolder,
  mustRunBb,
  runBb,
  sweepTempDirs,
  withTempDir,
} from './bb/run.ts';
import { keyShape, proofDefect } from './bb/shape.ts';
import { fromBytes, toBytes32 } from './crs/curve.ts';
import type { Crs, Program, Proof, ProofTarget, VerificationKey } from './types.ts';

export { BbBinaryError } from './bb/binary.ts';
export { BbError, CrsTooSmallError } from './bb/run.ts';

/** bb made a proof that does not verify: the witness or a child proof inside it is bad. */
export class ProofInvalidError extends Error {
  constructor(
    message = 'bb made a proof that does not verify: the witness, or a proof verified inside the circuit, is not valid',
  ) {
    super(message);
    this.name = 'ProofInvalidError';
  }
}

export interface Bb {
  /** For receipts: `bb 5.0.0`, or with the name of the changed constant, `bb 5.0.0, dev G2`. */
  readonly version: string;
  /** Checks and makes the binaries now, so that what shares the cache read-only finds them. */
  prepare(): Promise<void>;
  /** Makes a circuit's verification key. Needs 2^k (+1) points, the power of two above the gate count. */
  writeVk(job: { program: Program; target: ProofTarget; signal?: AbortSignal }): Promise<VerificationKey>;
  /** Proves and verifies at once. Needs about as many points as gates. Throws ProofInvalidError when the proof does not verify. */
  prove(job: {
    program: Program;
    key: VerificationKey;
    witness: Uint8Array;
    threads: number;
    signal?: AbortSignal;
  }): Promise<Proof>;
  /** The verdict on a proof. A failure of bb itself throws, it is never `false`. */
  verify(job: { proof: Proof; key: VerificationKey; signal?: AbortSignal }): Promise<boolean>;
  /** Gates of the finished circuit, before rounding up. */
  gateCount(job: { program: Program; target: ProofTarget; signal?: AbortSignal }): Promise<number>;
  /** Source of the optimized verifier contract for an `evm` key, for the [tau]_2 of the reference string in use. */
  solidityVerifier(job: { key: VerificationKey; optimized: true; signal?: AbortSignal }): Promise<string>;
}

const TARGET: Record<ProofTarget, string> = { recursive: 'noir-recursive-no-zk', evm: 'evm-no-zk' };

/**
 * Runs of `bb` under one reference string. Nothing is started or checked before the first call; then the pinned binary's hash is
 * checked, and its copy, which only `verify` uses and only under another [tau]_2 than Ignition's. A file that changed since is checked again.
 */
export function createBb(context: { crs: Crs; cacheDir: string }): Bb {
  const { crs, cacheDir } = context;
  const binaries = keepWhileUnchanged(async () => {
    await sweepTempDirs();
    return checkedBinaries(crs.g2, cacheDir);
  });
  const bb: Bb = {
    version: isCanonicalG2(crs.g2) ? `bb ${BB_VERSION}` : `bb ${BB_VERSION}, ${crs.kind} G2`,
    prepare: async () => {
      await binaries();
    },
    writeVk: async (job) => writeVk((await binaries()).prover, crs, job),
    prove: async (job) => {
      const proof = await prove((await binaries()).prover, crs, job);
      const signal = job.signal === undefined ? {} : { signal: job.signal };
      if (!(await bb.verify({ proof, key: job.key, ...signal }))) throw new ProofInvalidError();
      return proof;
    },
    verify: async (job) =>
      proofDefect(job.proof, job.key) === undefined ? verify((await binaries()).verifier, crs, job) : false,
    gateCount: async (job) => gateCount((await binaries()).prover, job),
    solidityVerifier: async (job) => patchVerifier(await writeVerifier((await binaries()).prover, crs, job), crs.g2),
  };
  return bb;
}

/** Checks once, and again when a file is not the one that was checked. Callers at the same time share one check. */
function keepWhileUnchanged(check: () => Promise<BbBinaries>): () => Promise<BbBinaries> {
  const identity = async (files: BbBinaries) =>
    `${await fileIdentity(files.prover)} ${await fileIdentity(files.verifier)}`;
  const start = async () => {
    const files = await check();
    return { files, identity: await identity(files) };
  };
  let checked: ReturnType<typeof start> | undefined;
  return async () => {
    checked ??= start();
    const mine = checked;
    try {
      const { files, identity: known } = await mine;
      if ((await identity(files).catch(() => '')) === known) return files;
      if (checked === mine) checked = start();
      return (await checked).files;
    } catch (error) {
      if (checked === mine) checked = undefined;
      throw error;
    }
  };
}

async function writeVk(
  binary: string,
  crs: Crs,
  job: { program: Program; target: ProofTarget; signal?: AbortSignal },
): Promise<VerificationKey> {
  return withTempDir(async (dir) => {
    const folder = await crsFolder(crs, dir);
    await writeProgram(dir, job.program);
    const args = ['write_vk', '-b', 'program.json', '-o', '.', '-t', TARGET[job.target], '-c', folder];
    await mustRunBb({ binary, args, threads: availableParallelism(), cwd: dir, signal: job.signal }, crs);
    await assertCrsUntouched(crs, dir);
    const key: VerificationKey = {
      target: job.target,
      bytes: await readBytes(join(dir, 'vk')),
      hash: fromBytes(await readBytes(join(dir, 'vk_hash'))),
    };
    keyShape(key);
    return key;
  });
}

async function prove(binary: string, crs: Crs, job: Parameters<Bb['prove']>[0]): Promise<Proof> {
  const { logSize } = keyShape(job.key);
  if (crs.kind !== 'ignition' && crs.points <= 2 ** (logSize - 1)) throw new CrsTooSmallError(crs, '');
  return withTempDir(async (dir) => {
    const folder = await crsFolder(crs, dir);
    await writeProgram(dir, job.program);
    await writeFile(join(dir, 'witness.gz'), job.witness);
    await writeFile(join(dir, 'vk'), job.key.bytes);
    await mkdir(join(dir, 'out'));
    const args = ['prove', '-b', 'program.json', '-w', 'witness.gz', '-k', 'vk', '-o', 'out', '-c', folder];
    args.push('-t', TARGET[job.key.target]);
    await mustRunBb({ binary, args, threads: job.threads, cwd: dir, signal: job.signal }, crs);
    await assertCrsUntouched(crs, dir);
    return {
      bytes: await readBytes(join(dir, 'out', 'proof')),
      publicInputs: toFields(await readBytes(join(dir, 'out', 'public_inputs'))),
    };
  });
}

async function verify(binary: string, crs: Crs, job: Parameters<Bb['verify']>[0]): Promise<boolean> {
  return withTempDir(async (dir) => {
    const folder = await crsFolder(crs, dir);
    await writeFile(join(dir, 'proof'), job.proof.bytes);
    await writeFile(join(dir, 'public_inputs'), Buffer.concat(job.proof.publicInputs.map(toBytes32)));
    await writeFile(join(dir, 'vk'), job.key.bytes);
    const args = ['verify', '-p', 'proof', '-i', 'public_inputs', '-k', 'vk', '-c', folder];
    args.push('-t', TARGET[job.key.target]);
    const result = await runBb({ binary, args, threads: 1, cwd: dir, signal: job.signal });
    await assertCrsUntouched(crs, dir);
    return verdict(result.exitCode, result.stderr + result.stdout);
  });
}

/**
 * What bb 5.0.0 prints when the proof is at fault: a failed check, a point off the curve, a word or point limb out of range, pairing points
 * at infinity. (Found by changing each word of proofs of both targets in several ways, and by proofs of constant and random words.)
 */
const REJECTIONS = new RegExp(
  [
    'Proof verification failed',
    'Deserialized point is not on the curve',
    'some bad proof serde or parsing',
    'Cannot aggregate: incoming pairing points are at infinity',
    'Non-canonical (?:proof element|public input|(?:base |scalar )?field element): value >= ',
  ].join('|'),
);

/** bb exits with 1 for an invalid proof and for its own failures alike: only exit code and words together are a verdict. */
function verdict(exitCode: number, output: string): boolean {
  const accepted = /Proof verified successfully/.test(output);
  const rejected = REJECTIONS.test(output);
  if (exitCode === 0 && accepted && !rejected) return true;
  if (exitCode === 1 && rejected && !accepted) return false;
  throw new BbError(`bb verify gave no verdict (exit code ${exitCode}): ${output.trim().split('\n').at(-1) ?? ''}`);
}

async function gateCount(
  binary: string,
  job: { program: Program; target: ProofTarget; signal?: AbortSignal },
): Promise<number> {
  return withTempDir(async (dir) => {
    await writeProgram(dir, job.program);
    const args = ['gates', '-b', 'program.json', '-t', TARGET[job.target]];
    const { stdout } = await mustRunBb({ binary, args, threads: 1, cwd: dir, signal: job.signal });
    const report = JSON.parse(stdout) as { functions?: { circuit_size?: number }[] };
    const size = report.functions?.[0]?.circuit_size;
    if (typeof size !== 'number') throw new BbError('bb gates printed no circuit size');
    return size;
  });
}

async function writeVerifier(binary: string, crs: Crs, job: { key: VerificationKey; signal?: AbortSignal }) {
  if (job.key.target !== 'evm') throw new Error('a Solidity verifier needs a key of the evm target');
  keyShape(job.key);
  return withTempDir(async (dir) => {
    const folder = await crsFolder(crs, dir);
    await writeFile(join(dir, 'vk'), job.key.bytes);
    const args = ['write_solidity_verifier', '-k', 'vk', '-o', 'V.sol', '-t', TARGET.evm, '--optimized', '-c', folder];
    await mustRunBb({ binary, args, threads: 1, cwd: dir, signal: job.signal }, crs);
    return readFile(join(dir, 'V.sol'), 'utf8');
  });
}

/** Replaces the four words of Ignition's [tau]_2 in the verifier's source; each must occur exactly once. */
export function patchVerifier(source: string, g2: Uint8Array): string {
  if (isCanonicalG2(g2)) return source;
  let patched = source;
  for (let at = 0; at < 128; at += 32) {
    const word = (bytes: Uint8Array) => Buffer.from(bytes.subarray(at, at + 32)).toString('hex');
    const pieces = patched.split(new RegExp(`0x${word(CANONICAL_G2)}`, 'i'));
    if (pieces.length !== 2)
      throw new BbError(`the verifier's source has a word of [tau]_2 ${pieces.length - 1} times`);
    patched = pieces.join(`0x${word(g2)}`);
  }
  return patched;
}

/** bb reads JSON with the bytecode. */
const writeProgram = (dir: string, program: Program) => writeFile(join(dir, 'program.json'), JSON.stringify(program));

const readBytes = async (path: string): Promise<Uint8Array> => new Uint8Array(await readFile(path));

function toFields(bytes: Uint8Array): bigint[] {
  if (bytes.length % 32 !== 0) throw new BbError(`bb wrote ${bytes.length} bytes of public inputs`);
  return Array.from({ length: bytes.length / 32 }, (_, i) => fromBytes(bytes.subarray(32 * i, 32 * i + 32)));
}
