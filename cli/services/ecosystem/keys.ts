/** Proving keys and the reference string of an ecosystem: `prover setup-keys`, `prover compressor-keys`, `keys list`. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { createBb } from '../../../proving/bb.ts';
import { CrsError, ensureCrs } from '../../../proving/crs.ts';
import type { Crs } from '../../../proving/types.ts';
import { CRS_POINTS, circuitNames } from '../../../systems/zksync/protocol/circuits.ts';
import type { Aggregation } from '../../../systems/zksync/protocol/ids.ts';
import {
  type CircuitSet,
  KeysError,
  loadCircuitSet,
  makeKeys,
} from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { committedCircuits } from '../../../systems/zksync/protocol/keys/make-keys.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { step } from '../step.ts';
import { type Chain, type Ecosystem, listChains, openChain, type ProvingSettings, provingSettings } from './files.ts';
import { editYaml } from './yaml-file.ts';

export type KeysMode = 'generate' | 'download';

export interface KeySummary {
  keysDir: string;
  aggregation: Aggregation;
  crs: string;
  keyset: string;
  snarkWrapper: string;
  keys: { circuit: string; target: string; hash: string; bytes: number }[];
}

export interface SetupKeysResult extends KeySummary {
  mode: KeysMode;
  /** Where they came from, in words. */
  source: string;
}

/**
 * `download`: the keys of the dev reference string ship with the kit; they are checked and copied.
 * `generate`: compiled and made anew by bb (cached by content).
 */
export async function setupKeys(ctx: ServiceContext, ecosystem: Ecosystem, mode: KeysMode): Promise<SetupKeysResult> {
  const settings = await provingSettings(ecosystem);
  const shipped = await crsIdShipped(settings);
  if (mode === 'download' && !shipped) {
    throw new DevkitError('USAGE', `the kit ships keys of the dev reference string only, not of ${settings.crs}`, {
      hint: 'devkit prover setup-keys --mode=generate',
    });
  }
  const title = mode === 'download' ? 'keys: check and copy the ones that ship with the kit' : 'keys: generate';
  const set = await step(ctx, 'setup-keys', title, () => installKeys(ctx, ecosystem, settings, mode === 'generate'));
  const source =
    mode === 'download'
      ? 'shipped with the kit, checked against the circuits; nothing was downloaded'
      : 'made on this machine';
  return { mode, source, ...summaryOf(ecosystem.paths.keys, set) };
}

/** The keys of the ecosystem; installed first where they are missing. */
export async function ensureKeys(ctx: ServiceContext, ecosystem: Ecosystem): Promise<CircuitSet> {
  const settings = await provingSettings(ecosystem);
  if (existsSync(join(ecosystem.paths.keys, 'commitments.json'))) return loadKeys(ecosystem, settings);
  return installKeys(ctx, ecosystem, settings, false);
}

async function loadKeys(ecosystem: Ecosystem, settings: ProvingSettings): Promise<CircuitSet> {
  try {
    return await loadCircuitSet({ keysDir: ecosystem.paths.keys, aggregation: settings.aggregation });
  } catch (cause) {
    if (!(cause instanceof KeysError)) throw cause;
    throw new DevkitError('CONFIG_INVALID', cause.message, { hint: await makeKeysCommand(settings), cause });
  }
}

async function installKeys(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  settings: ProvingSettings,
  regenerate: boolean,
): Promise<CircuitSet> {
  const shipped = !regenerate && (await crsIdShipped(settings));
  // shipped keys need the reference string's name only, made ones all of its points
  const crs = await reference(ctx, settings, shipped ? 1 : CRS_POINTS[settings.aggregation].keys);
  return makeKeys({
    keysDir: ecosystem.paths.keys,
    aggregation: settings.aggregation,
    crs,
    bb: createBb({ crs, cacheDir: cacheDir() }),
    cacheDir: cacheDir(),
    signal: ctx.signal,
    regenerate,
    onProgress: (done, total, circuit) => {
      if (circuit) ctx.emit({ type: 'log', component: 'keys', line: `${done}/${total} ${circuit}` });
    },
  });
}

const makeKeysCommand = async (settings: ProvingSettings): Promise<string> =>
  `devkit prover setup-keys --mode=${(await crsIdShipped(settings)) ? 'download' : 'generate'}`;

async function crsIdShipped({ aggregation, crs }: ProvingSettings): Promise<boolean> {
  return crs === 'dev' && (await committedCircuits(aggregation, 'dev-1')) !== undefined;
}

async function reference(ctx: ServiceContext, settings: ProvingSettings, points: number): Promise<Crs> {
  try {
    return await ensureCrs({
      crs: settings.crs,
      points,
      cacheDir: cacheDir(),
      signal: ctx.signal,
      onProgress: (done, total) => ctx.emit({ type: 'log', component: 'crs', line: `${done} of ${total} points` }),
    });
  } catch (cause) {
    if (!(cause instanceof CrsError)) throw cause;
    throw new DevkitError('CONFIG_INVALID', cause.message, { hint: 'devkit: crs: dev   (in ZkStack.yaml)', cause });
  }
}

export interface CompressorKeysResult {
  crs: string;
  points: number;
  /** Folder that the components read. */
  dir: string;
  /** Value of `proof_compressor.universal_setup_path`. */
  universalSetupPath: string;
}

/** Makes the reference string (for `dev`: generates it) and notes where it is, as upstream notes its universal setup. */
export async function compressorKeys(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  path: string | undefined,
): Promise<CompressorKeysResult> {
  const settings = await provingSettings(ecosystem);
  const points = CRS_POINTS[settings.aggregation].prove;
  const crs = await step(ctx, 'compressor-keys', `reference string ${settings.crs}: ${points} points`, () =>
    reference(ctx, settings, points),
  );
  const file = join(crs.dir, 'bn254_g1.dat');
  if (path !== undefined) {
    await mkdir(dirname(path), { recursive: true });
    await copyFile(file, path);
  }
  const universalSetupPath = path ?? file;
  for (const name of await listChains(ecosystem)) {
    const chain: Chain = await openChain(ecosystem, name);
    if (!existsSync(chain.paths.general)) continue;
    await editYaml(chain.paths.general, { 'proof_compressor.universal_setup_path': universalSetupPath });
  }
  return { crs: crs.id, points: crs.points, dir: crs.dir, universalSetupPath };
}

/** `keys list`. @throws DevkitError NOT_FOUND before `prover setup-keys` */
export async function listKeys(ecosystem: Ecosystem): Promise<KeySummary> {
  if (!existsSync(join(ecosystem.paths.keys, 'commitments.json'))) {
    throw new DevkitError('NOT_FOUND', `there are no keys in ${ecosystem.paths.keys}`, {
      hint: 'devkit prover setup-keys --mode=download',
    });
  }
  return summaryOf(ecosystem.paths.keys, await loadKeys(ecosystem, await provingSettings(ecosystem)));
}

function summaryOf(keysDir: string, set: CircuitSet): KeySummary {
  const hex = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`;
  return {
    keysDir,
    aggregation: set.aggregation,
    crs: set.crsId,
    keyset: hex(set.keyset),
    snarkWrapper: set.snarkWrapperVkHash,
    keys: circuitNames(set.aggregation).map((name) => {
      const { key } = set.circuit(name);
      return { circuit: name, target: key.target, hash: hex(key.hash), bytes: key.bytes.length };
    }),
  };
}
