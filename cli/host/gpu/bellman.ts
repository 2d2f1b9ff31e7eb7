import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The GPU library of upstream's compressor, as the ecosystem's ZkStack.yaml names it. */
export interface BellmanCudaFacts {
  /** The file that was read; undefined: no ecosystem was found. */
  file?: string;
  /** `bellman_cuda_dir`, absolute. */
  dir?: string;
  /** The library inside, once it is built. */
  library?: string;
}

const LIBRARY = /^libbellman-cuda\.(a|so)$/;
/** Below `<dir>/build`, where cmake puts it: `src/` of the sources as they are today. */
const DEPTH = 3;

/** @param ecosystemFile `ZkStack.yaml` of the ecosystem, when there is one */
export async function bellmanCudaFacts(ecosystemFile: string | undefined): Promise<BellmanCudaFacts> {
  const text = ecosystemFile && (await readFile(ecosystemFile, 'utf8').catch(() => undefined));
  if (ecosystemFile === undefined || text === undefined) return {};
  const { parse } = await import('yaml');
  const named = dirIn(text, parse);
  if (named === undefined) return { file: ecosystemFile };
  const dir = resolve(ecosystemFile, '..', named);
  const library = await findLibrary(join(dir, 'build'), DEPTH);
  return { file: ecosystemFile, dir, ...(library === undefined ? {} : { library }) };
}

function dirIn(text: string, parse: (text: string) => unknown): string | undefined {
  try {
    const dir = (parse(text) as { bellman_cuda_dir?: unknown } | null)?.bellman_cuda_dir;
    return typeof dir === 'string' && dir !== '' ? dir : undefined;
  } catch {
    return undefined; // a damaged file names nothing; whoever opens the ecosystem says what is wrong with it
  }
}

async function findLibrary(dir: string, depth: number): Promise<string | undefined> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const here = entries.find((entry) => entry.isFile() && LIBRARY.test(entry.name));
  if (here) return join(dir, here.name);
  if (depth === 0) return undefined;
  for (const entry of entries) {
    const found = entry.isDirectory() ? await findLibrary(join(dir, entry.name), depth - 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
