/** Base file systems made on this machine, for when no registry can be reached: Node, the C library, and what the kit's programs link to. */
import { execFile, spawn } from 'node:child_process';
import { access, readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { extract, type Header, pack } from 'tar-stream';
import { DevkitError } from '../../../core/errors.ts';
import { anvilBinary, postgresBinaries } from '../../../host/programs.ts';
import { runsAsRoot } from '../../../host/unprivileged.ts';
import { packEntries, putEntries } from './context.ts';
import { ROOT } from './definition.ts';
import { type ContextEntry, imageArch } from './files.ts';

const LIBRARY_MODE = 0o755;

/** Accounts, and how names are looked up. */
const ETC: ContextEntry[] = [
  ['etc/passwd', 'root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/sbin/nologin\n'],
  ['etc/group', 'root:x:0:\nnogroup:x:65534:\n'],
  ['etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'],
].map(([path = '', content = '']) => ({ kind: 'text', path, mode: 0o644, content }));
const TMP: ContextEntry = { kind: 'folder', path: 'tmp', mode: 0o1777 };

/** Node as the packages bring it, else the one that runs. */
async function nodeEntry(): Promise<ContextEntry> {
  const packaged = join(ROOT, 'node_modules', `node-linux-${process.arch}`, 'bin/node');
  const source = (await exists(packaged)) ? packaged : process.execPath;
  return { kind: 'file', path: 'usr/local/bin/node', source, mode: 0o755 };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

// ---- from Debian packages

const PACKAGES = ['base-files', 'libc6', 'libc-bin', 'libstdc++6', 'libgcc-s1'];
/** Made when this machine is not Debian. */
const DEFAULT_SUITE = 'bookworm';
const DEBIAN_LIMIT_MS = 180_000;
/** Not needed to run programs. */
const LEFT_OUT = new RegExp(
  [
    '^(boot|dev|home|media|mnt|opt|proc|root|run|srv|sys|tmp|var)/',
    '^usr/s?bin/',
    '^usr/share/(base-files|bug|doc|gcc|gdb|info|lintian|locale|man)/',
    '/gconv/',
    '^etc/(apt|dpkg|update-motd.d)/',
    '^etc/(hostname|motd|resolv.conf)$', // of the machine it was made on
  ].join('|'),
);

/** Whether `debianRootfs` can be tried here, or why not. */
export async function debianObstacle(): Promise<string | undefined> {
  if (!runsAsRoot()) return 'it takes root';
  const found = (process.env['PATH'] ?? '').split(':').map((dir) => exists(join(dir, 'mmdebstrap')));
  return (await Promise.all(found)).includes(true) ? undefined : 'mmdebstrap is not installed';
}

/** Debian's own packages, fetched from where this machine gets them, unpacked and nothing more. @throws Error with mmdebstrap's last words */
export async function debianRootfs(signal: AbortSignal): Promise<Readable> {
  const { suite, sources } = await debianSources();
  const args = ['--variant=extract', '--mode=root', '--components=main', '--format=tar'];
  args.push(`--include=${PACKAGES.join(',')}`, suite, '-', ...sources);
  const node = await nodeEntry();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DEBIAN_LIMIT_MS)]);
  const child = spawn('mmdebstrap', args, { stdio: ['ignore', 'pipe', 'pipe'], signal: limit });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(lastLine(said) ?? `exit code ${code}`))));
  });
  ended.catch(() => {}); // seen below, once the entries are through
  const tar = pack();
  const copy = async (): Promise<void> => {
    const found = child.stdout.pipe(extract());
    for await (const entry of found) {
      const header = { ...entry.header, name: entry.header.name.replace(/^\.\/|\/$/g, ''), pax: null };
      if (isNeeded(header))
        await copyEntry(entry as AsyncIterable<Uint8Array>, (size) => tar.entry({ ...header, size }));
      else entry.resume();
    }
    await ended;
    await putEntries(tar, [...ETC, TMP, node], signal);
    tar.finalize();
  };
  copy().catch((error) => tar.destroy(error as Error));
  return Readable.from(tar);
}

const isNeeded = ({ name, type }: Header): boolean =>
  name !== '' &&
  name !== '.' &&
  (type === 'file' || type === 'symlink' || type === 'link' || type === 'directory') &&
  !LEFT_OUT.test(type === 'directory' ? `${name}/` : name);

async function copyEntry(
  entry: AsyncIterable<Uint8Array>,
  open: (size: number) => NodeJS.WritableStream,
): Promise<void> {
  const parts: Uint8Array[] = [];
  for await (const part of entry) parts.push(part);
  const content = Buffer.concat(parts);
  await new Promise<void>((resolve, reject) => {
    const sink = open(content.length);
    sink.once('error', reject);
    sink.once('finish', resolve);
    sink.end(content);
  });
}

const lastLine = (text: string): string | undefined => text.trim().split('\n').at(-1) || undefined;

/** The suite of this machine and the files that say where its packages come from; without them mmdebstrap's own default. */
async function debianSources(): Promise<{ suite: string; sources: string[] }> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const isDebian = /^ID=debian$/m.test(release);
  const suite = /^VERSION_CODENAME=([a-z]+)$/m.exec(release)?.[1];
  if (!isDebian || suite === undefined) return { suite: DEFAULT_SUITE, sources: [] };
  const files = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];
  const there = await Promise.all(files.map(async (file) => ((await exists(file)) ? [file] : [])));
  return { suite, sources: there.flat() };
}

// ---- from this machine

/** Names that a C library before 2.34 loads at run time, beside those a program is linked to. */
const LOADED_LATER = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];
const LOCALES = ['/usr/lib/locale/C.utf8', '/usr/lib/locale/C.UTF-8'];

/** This machine's C library and Node. @throws DevkitError HOST_UNFIT where there is no glibc */
export async function hostRootfs(signal: AbortSignal): Promise<Readable> {
  const node = await nodeEntry();
  const programs = [(node as { source: string }).source, ...(await otherPrograms())];
  const lists = await Promise.all(programs.map((program) => librariesOf(program, signal)));
  const libraries = new Set(lists.flat());
  const libc = [...libraries].find((path) => path.endsWith('/libc.so.6'));
  if (libc === undefined) {
    throw new DevkitError('HOST_UNFIT', 'no base image can be made here: Node does not run on the GNU C library', {
      hint: 'docker pull node:24-bookworm-slim   on a machine that reaches a registry, then docker save and docker load',
    });
  }
  for (const name of LOADED_LATER) {
    if (await exists(join(dirname(libc), name))) libraries.add(join(dirname(libc), name));
  }
  const files = [...libraries].sort().map(async (path): Promise<ContextEntry> => {
    return { kind: 'file', path: path.slice(1), source: await realpath(path), mode: LIBRARY_MODE };
  });
  const locales = await Promise.all(LOCALES.map(localeEntries));
  return packEntries([...(await Promise.all(files)), ...locales.flat(), ...ETC, TMP, node], signal);
}

/** The kit's other programs, as far as they are installed. */
async function otherPrograms(): Promise<string[]> {
  const bb = join(ROOT, 'node_modules/@aztec/bb.js/build', `${imageArch()}-linux`, 'bb');
  const found = await Promise.allSettled([
    postgresBinaries().then(({ binDir }) => join(binDir, 'postgres')),
    anvilBinary(),
    access(bb).then(() => bb),
  ]);
  return found.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** What the dynamic linker loads for a program, less what lies beside the program. */
async function librariesOf(program: string, signal: AbortSignal): Promise<string[]> {
  const env = { ...process.env, LC_ALL: 'C' };
  const { stdout } = await promisify(execFile)('ldd', [program], { env, signal }).catch((cause) => {
    signal.throwIfAborted();
    throw new DevkitError('HOST_UNFIT', `ldd cannot say what ${program} links to: ${(cause as Error).message}`, {
      cause,
    });
  });
  const paths = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
  const own = dirname(dirname(program));
  return paths.filter((path) => !path.startsWith(`${own}/`));
}

async function localeEntries(folder: string): Promise<ContextEntry[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.flatMap((entry) => {
    const source = join(entry.parentPath, entry.name);
    return entry.isFile() ? [{ kind: 'file', path: source.slice(1), source, mode: 0o644 } as const] : [];
  });
}
