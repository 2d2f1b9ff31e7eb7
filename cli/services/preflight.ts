/** Before upstream's programs are started: gathers what images, key files, database and L1 say, and compares it. */
import type { Address } from 'viem';
import { formatVersion } from '../../systems/zksync/protocol/ids.ts';
import { readCommitments } from '../../systems/zksync/protocol/keys/key-files.ts';
import { listVersions } from '../../systems/zksync/protocol/prover-db/intake.ts';
import { tagOf, versionInTag } from '../../systems/zksync/upstream/images.ts';
import { readVerifierHashes } from '../../systems/zksync/upstream/l1-verifier.ts';
import {
  comparePreflight,
  type Fact,
  type PreflightFacts,
  type PreflightResult,
} from '../../systems/zksync/upstream/preflight.ts';
import { DevkitError } from '../core/errors.ts';
import type { ComponentSpec } from '../core/types.ts';
import type { Engine } from '../runtimes/docker/engine.ts';
import type { OpenDevnet } from './devnet.ts';
import { withProverDb } from './ecosystem/protocol-versions.ts';
import { variantOf } from './upstream.ts';

/** Labels and environment that an image was made with. */
export interface ImageLook {
  labels: Readonly<Record<string, string>>;
  /** `NAME=value` */
  env: readonly string[];
}

/** Undefined: the image is not on this machine. */
export type InspectImage = (reference: string) => Promise<ImageLook | undefined>;

export interface PreflightInput {
  /** genesis.yaml, and the version it names. */
  genesis: { file: string; version: string | undefined };
  keysDir: string;
  proverUrl: string | undefined;
  l1: { rpcUrl: string | undefined; chainId: number; addresses: readonly Address[]; file: string };
  /** The components that will run; those without an image are programs. */
  components: readonly { id: string; image: string | undefined }[];
  /** Absent: no engine is asked, tags have to do. */
  inspectImage?: InspectImage | undefined;
}

/** Of upstream's components: images, keys, database and L1 are of one release. @throws DevkitError CONFIG_INVALID naming what is not */
export async function checkUpstream(devnet: OpenDevnet, specs: readonly ComponentSpec[]): Promise<void> {
  if (variantOf(devnet, devnet.stack) === 'reference') return;
  const form = devnet.runtime.name;
  const inspectImage =
    form === 'docker'
      ? engineInspector(await (await import('../runtimes/docker/engine.ts')).connectEngine())
      : undefined;
  await requirePreflight(devnet, { ...preflightInput(devnet, specs, form), inspectImage });
}

/** What a devnet and the specs that are about to run have to say. `form`: which of their forms will run. */
export function preflightInput(
  devnet: OpenDevnet,
  specs: readonly ComponentSpec[],
  form: 'process' | 'docker',
): PreflightInput {
  const { config, chain, ecosystem } = devnet;
  const l1 = config.contracts?.['l1'] as Record<string, string | undefined> | undefined;
  const addresses = [l1?.['verifier_addr'], l1?.['diamond_proxy_addr']].filter(
    (address): address is Address => address !== undefined && !/^0x0*$/.test(address),
  );
  return {
    genesis: { file: chain.paths.genesis, version: config.genesis?.protocolSemanticVersion },
    keysDir: ecosystem.paths.keys,
    proverUrl: config.database.proverUrl,
    l1: { rpcUrl: config.l1.rpcUrl, chainId: config.genesis?.l1ChainId ?? 9, addresses, file: chain.paths.contracts },
    components: specs.map(({ id, container }) => ({
      id,
      image: form === 'docker' && container && 'reference' in container.image ? container.image.reference : undefined,
    })),
  };
}

/** Cannot start without the row of their version. */
const NEED_ROW = ['witness-generator', 'compressor'];

/**
 * Before upstream's components are started. What is unknown, and a row that only others need, is a notice.
 * @throws DevkitError CONFIG_INVALID naming everything that differs
 */
export async function requirePreflight(
  devnet: Pick<OpenDevnet, 'ctx'>,
  input: PreflightInput,
): Promise<PreflightResult> {
  const result = await preflight(input);
  const needRow = input.components.some(({ id }) => NEED_ROW.includes(id));
  const blocking = result.findings.filter(({ kind }) => kind === 'differs' || needRow);
  if (blocking.length > 0) {
    throw new DevkitError('CONFIG_INVALID', blocking.map(({ message }) => message).join('\n'), {
      ...(blocking[0] ? { hint: blocking[0].hint } : {}),
      details: { findings: result.findings, unknown: result.unknown },
    });
  }
  const { emit } = devnet.ctx;
  for (const { message } of result.findings) emit({ type: 'notice', message });
  if (result.unknown.length > 0) emit({ type: 'notice', message: `not compared: ${result.unknown.join('; ')}` });
  return result;
}

/** Nothing is changed; what cannot be looked up is said to be unknown. */
export async function preflight(input: PreflightInput): Promise<PreflightResult> {
  return comparePreflight(await gatherPreflight(input));
}

export async function gatherPreflight(input: PreflightInput): Promise<PreflightFacts> {
  const [images, commitments, rows, l1] = await Promise.all([
    Promise.all(
      input.components.map(async ({ id, image }) => ({
        component: id,
        version: await imageVersion(image, input.inspectImage),
      })),
    ),
    commitmentsFact(input.keysDir),
    rowsFact(input.proverUrl),
    l1Fact(input.l1),
  ]);
  return { chain: chainFact(input.genesis), images, commitments, rows, l1 };
}

export const engineInspector =
  ({ docker }: Engine): InspectImage =>
  async (reference) => {
    try {
      const { Config: config } = await docker.getImage(reference).inspect();
      return { labels: config?.Labels ?? {}, env: config?.Env ?? [] };
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw error;
    }
  };

const chainFact = ({ file, version }: PreflightInput['genesis']): Fact<string> =>
  version === undefined
    ? { unknown: `${file} has no genesis_protocol_semantic_version` }
    : { value: version, where: file };

const VERSION = /(?:^|[^\d.])(0\.\d+\.\d+)(?![\d.])/;
/** Upstream sets none today; whoever builds images can. */
const VERSION_LABELS = ['org.zksync.protocol-version', 'org.opencontainers.image.version'];
const VERSION_ENV = /^(?:PROVER_)?PROTOCOL_VERSION=/;

/** What the image itself says, else its tag. */
async function imageVersion(reference: string | undefined, inspect: InspectImage | undefined): Promise<Fact<string>> {
  if (reference === undefined) return { unknown: 'a program does not say its protocol version' };
  const look = await inspect?.(reference);
  for (const label of VERSION_LABELS) {
    const version = VERSION.exec(look?.labels[label] ?? '')?.[1];
    if (version !== undefined) return { value: version, where: `label ${label} of ${reference}` };
  }
  const variable = look?.env.find((line) => VERSION_ENV.test(line)) ?? '';
  const ofEnv = VERSION.exec(variable)?.[1];
  if (ofEnv !== undefined) return { value: ofEnv, where: `${variable.split('=')[0]} of ${reference}` };
  const tag = tagOf(reference);
  const ofTag = tag === undefined ? undefined : versionInTag(tag);
  if (ofTag !== undefined) return { value: formatVersion(ofTag), where: `tag of ${reference}` };
  return { unknown: `neither ${reference} nor its tag says it` };
}

async function commitmentsFact(keysDir: string): Promise<PreflightFacts['commitments']> {
  const where = `${keysDir}/commitments.json`;
  try {
    const found = await readCommitments(keysDir);
    if (found === undefined) return { unknown: `there is no ${where}` };
    // only the kit writes this key
    const whose = found.keyset === undefined ? '' : " (devkit's own keys)";
    return {
      value: { snark: found.snark_wrapper, fflonk: found.fflonk_snark_wrapper ?? null },
      where: `${where}${whose}`,
    };
  } catch (error) {
    return { unknown: (error as Error).message };
  }
}

async function rowsFact(url: string | undefined): Promise<PreflightFacts['rows']> {
  if (url === undefined) return { unknown: 'secrets.yaml has no database.prover_url' };
  try {
    const rows = await withProverDb(url, listVersions);
    return {
      where: `database ${new URL(url).pathname.slice(1)}`,
      value: rows.map(({ version, snarkWrapperVkHash, fflonkSnarkWrapperVkHash }) => ({
        version: formatVersion(version),
        wrappers: {
          snark: hex32(snarkWrapperVkHash),
          fflonk: fflonkSnarkWrapperVkHash === null ? null : hex32(fflonkSnarkWrapperVkHash),
        },
      })),
    };
  } catch (error) {
    return { unknown: firstLine(error) };
  }
}

async function l1Fact({ rpcUrl, chainId, addresses, file }: PreflightInput['l1']): Promise<PreflightFacts['l1']> {
  if (rpcUrl === undefined) return { unknown: 'secrets.yaml has no l1.l1_rpc_url' };
  if (addresses.length === 0) return { unknown: `${file} names no l1.verifier_addr` };
  try {
    const { wrappers, address } = await readVerifierHashes({ rpcUrl, chainId, addresses });
    return { value: wrappers, where: `verificationKeyHash() of ${address}` };
  } catch (error) {
    return { unknown: firstLine(error) };
  }
}

const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0] ?? '';

const hex32 = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`;
