/** The native `bb` of the pinned @aztec/bb.js package, and its private copy for verification under another [tau]_2. */
import { createHash } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { withFileLock } from '../../lib/file-lock.ts';

/** What the package calls itself; `bb --version` of this release prints the nightly it was built from. */
export const BB_VERSION = '5.0.0';

/** sha256 of `build/<platform>/bb` in @aztec/bb.js 5.0.0. */
const BB_SHA256: Record<string, string> = {
  'amd64-linux': 'c3a4a1125d99953694ab6a7f09e368db5525c368b372e63c3eb7bda4cc5697d5',
  'arm64-linux': 'fbe47d7697bf3f0891d844eba58c5d1fcb1c85d5024fe0ad50e1bb132237611f',
  'amd64-macos': 'c2d4da29f736cbfc9b899d548cd3a702a1f65fce907c0b369db2d9266e52a851',
  'arm64-macos': 'fe63e7fce08bd8368773ab7bc956f3aae618cb3cb05a9b5b8db71a92553511be',
};

/** [tau]_2 of the Aztec Ignition ceremony, x.c0 x.c1 y.c0 y.c1, as it stands in the binary. */
export const CANONICAL_G2: Uint8Array = new Uint8Array(
  Buffer.from(
    '0118c4d5b837bcc2bc89b5b398b5974e9f5944073b32078b7e231fec938883b0' +
      '260e01b251f6f1c7e7ff4e580791dee8ea51d87a358e038b4efe30fac09383c1' +
      '22febda3c0c0632a56475b4214e5615e11e6dd3f96e6cea2854a87d4dacc5e55' +
      '04fc6369f7110fe3d25156c1bb9a72859cf2a04641f99ba4ee413c80da6a5fe4',
    'hex',
  ),
);

/** The binary is missing, not the pinned one, or cannot be patched. */
export class BbBinaryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BbBinaryError';
  }
}

export const isCanonicalG2 = (g2: Uint8Array): boolean => Buffer.compare(g2, CANONICAL_G2) === 0;

export interface BbBinaries {
  /** The pinned binary: everything but `verify`. */
  prover: string;
  /** For `verify`: the same, or the copy with another [tau]_2. */
  verifier: string;
}

/**
 * Finds the pinned binary and checks its hash; for a `g2` other than Ignition's, finds or makes (in `cacheDir/bb`) a copy whose one
 * constant [tau]_2 is `g2`, and compares it with the original byte by byte. The constant must occur exactly once.
 */
export async function checkedBinaries(g2: Uint8Array, cacheDir: string, signal?: AbortSignal): Promise<BbBinaries> {
  const { path: prover, bytes } = await readPinned();
  if (isCanonicalG2(g2)) return { prover, verifier: prover };
  const patched = patchG2(bytes, g2);
  const verifier = join(cacheDir, 'bb', `bb-${BB_VERSION}-g2-${sha256(g2).slice(0, 16)}`);
  const intact = async () => {
    const found = await readFile(verifier).catch(() => undefined);
    return found !== undefined && Buffer.compare(found, patched) === 0;
  };
  if (!(await intact())) {
    const write = async () => {
      if (!(await intact())) await writeFileAtomic(verifier, patched, { mode: 0o755 });
    };
    await withFileLock(`${verifier}.lock`, write, signal);
    if (!(await intact())) throw new BbBinaryError(`${verifier} is not what was written to it: is the disk sound?`);
  }
  return { prover, verifier };
}

/** What changes when somebody writes to a file; cheap enough to look at before every run. */
export async function fileIdentity(path: string): Promise<string> {
  const { dev, ino, size, mtimeMs, ctimeMs, mode } = await stat(path);
  return [dev, ino, size, mtimeMs, ctimeMs, mode].join(':');
}

async function readPinned(): Promise<{ path: string; bytes: Uint8Array }> {
  const platform = platformName();
  const expected = BB_SHA256[platform];
  if (expected === undefined) {
    throw new BbBinaryError(`there is no bb binary for ${platform}: use Linux (x64, arm64), macOS, or WSL on Windows`);
  }
  const path = join(packageDir(), 'build', platform, 'bb');
  const bytes = await readFile(path).catch(() => {
    throw new BbBinaryError(`${path} cannot be read: run "npm ci" in the devkit folder`);
  });
  const found = sha256(bytes);
  if (found !== expected) {
    throw new BbBinaryError(
      `${path} is not the bb of @aztec/bb.js ${BB_VERSION} (sha256 ${found}): run "npm ci" in the devkit folder`,
    );
  }
  // npm keeps the mode; an archive of the folder may not have
  if (((await stat(path)).mode & 0o111) === 0) await chmod(path, 0o755);
  return { path, bytes };
}

/** A copy of the binary's bytes with the constant replaced; throws unless the constant occurs exactly once. */
export function patchG2(binary: Uint8Array, g2: Uint8Array): Uint8Array {
  if (g2.length !== CANONICAL_G2.length) throw new BbBinaryError(`[tau]_2 must be 128 bytes, not ${g2.length}`);
  const haystack = Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength);
  const at = haystack.indexOf(CANONICAL_G2);
  if (at < 0) throw new BbBinaryError('the bb binary does not have the expected [tau]_2 constant');
  if (haystack.indexOf(CANONICAL_G2, at + 1) >= 0) {
    throw new BbBinaryError('the bb binary has the [tau]_2 constant more than once');
  }
  const copy = new Uint8Array(haystack);
  copy.set(g2, at);
  return copy;
}

function platformName(): string {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
  const os = { linux: 'linux', darwin: 'macos' }[process.platform as string] ?? process.platform;
  return `${arch}-${os}`;
}

/** Folder of @aztec/bb.js: its main module is `<folder>/dest/node…/index.js`. */
function packageDir(): string {
  const main = createRequire(import.meta.url).resolve('@aztec/bb.js');
  return dirname(dirname(dirname(main)));
}

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
