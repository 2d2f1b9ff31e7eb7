import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bb, createBb } from '../../../proving/bb.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { solveWitness } from '../../../proving/noir.ts';
import type { Crs, Program } from '../../../proving/types.ts';

/** The sample package of these tests: several modules, a library by path, one public input and four public outputs. */
export const TINY = join(import.meta.dirname, 'circuits', 'tiny');

/** A fresh folder that is removed when the scope ends. */
export async function tempDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'devkit-proving-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The sample, compiled: the compiler takes seconds to start, and noir.test.ts runs it. */
export const sampleProgram = async (): Promise<Program> =>
  JSON.parse(await readFile(join(import.meta.dirname, 'circuits', 'tiny.json'), 'utf8'));

export interface Workbench {
  cacheDir: string;
  crs: Crs;
  bb: Bb;
  program: Program;
  witness: Uint8Array;
}

/** A small dev reference string in `cacheDir`, and the sample circuit with a solved witness. */
export async function openWorkbench(cacheDir: string): Promise<Workbench> {
  const crs = await ensureCrs({ crs: 'dev', points: 1, cacheDir });
  const program = await sampleProgram();
  const witness = await solveWitness(program, { state: ['1', '2', '3', '4'], label: '5' });
  return { cacheDir, crs, bb: createBb({ crs, cacheDir }), program, witness };
}
