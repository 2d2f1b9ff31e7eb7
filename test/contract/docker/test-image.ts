/** The smallest image that runs Node: the program of this test run and the libraries it is linked to. No registry, no shell. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import tar from 'tar-stream';
import type { Engine } from '../../../cli/runtimes/docker/engine.ts';

/** Uid 65534, entrypoint `node`. Kept between runs, like a build cache; `docker image prune -a --filter label=devkit.test` removes it. */
export async function ensureTestImage({ docker }: Engine): Promise<string> {
  const files = await nodeAndLibraries();
  const tag = `devkit-test/node:${await digestOf(files)}`;
  if (await exists(docker.getImage(tag))) return tag;
  const pack = tar.pack();
  const packing = packFiles(pack, files);
  const [repo, version] = tag.split(':') as [string, string];
  const changes = ['ENTRYPOINT ["node"]', 'USER 65534:65534', 'ENV PATH=/usr/bin', 'LABEL devkit.test=1'];
  const stream = await docker.importImage(pack as unknown as NodeJS.ReadableStream, { repo, tag: version, changes });
  const [said] = await Promise.all([textOf(stream), packing]);
  if (!(await exists(docker.getImage(tag)))) throw new Error(`the engine did not import ${tag}: ${said}`);
  return tag;
}

/** Path in the image → file of this machine. */
async function nodeAndLibraries(): Promise<Map<string, string>> {
  const { stdout } = await promisify(execFile)('ldd', [process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] as string);
  return new Map([['/usr/bin/node', process.execPath], ...libraries.map((path) => [path, path] as const)]);
}

async function digestOf(files: Map<string, string>): Promise<string> {
  const hash = createHash('sha256');
  for (const [path, file] of files) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 12);
}

async function packFiles(pack: tar.Pack, files: Map<string, string>): Promise<void> {
  pack.entry({ name: 'tmp', type: 'directory', mode: 0o1777 });
  for (const [path, link] of files) {
    const file = await realpath(link);
    const { size } = await stat(file);
    await pipeline(createReadStream(file), pack.entry({ name: path.slice(1), size, mode: 0o755 }));
  }
  pack.finalize();
}

async function exists(image: { inspect(): Promise<unknown> }): Promise<boolean> {
  try {
    await image.inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
