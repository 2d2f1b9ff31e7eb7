/**
 * Do images, key files, database and L1 speak of one protocol version and one verification key? A proof made with keys that L1 does
 * not have is never sent ("No patch version corresponds to the verification key on L1"), hours after the start.
 */
import { KNOWN_WRAPPERS, versionsOfWrapper, type Wrappers } from './wrappers.ts';

/** Something that was looked up, or why it could not be. `where` names the file, image, row or contract. */
export type Fact<T> = { value: T; where: string } | { unknown: string };

export interface PreflightFacts {
  /** Version of the chain's batches, `0.31.0`. */
  chain: Fact<string>;
  images: readonly { component: string; version: Fact<string> }[];
  /** `commitments.json` of the key folder. */
  commitments: Fact<Wrappers>;
  /** Rows of `prover_fri_protocol_versions`. */
  rows: Fact<readonly { version: string; wrappers: Wrappers }[]>;
  /** `verificationKeyHash()` of the verifier on L1. */
  l1: Fact<Wrappers>;
}

export type PreflightPart = 'image' | 'commitments' | 'row' | 'l1';

export interface PreflightFinding {
  kind: 'differs' | 'missing';
  part: PreflightPart;
  /** The component, where the part is an image. */
  component?: string;
  message: string;
  hint: string;
}

export interface PreflightResult {
  /** `fits`: everything known agrees, and everything is known. */
  verdict: 'fits' | 'differs' | 'unknown';
  findings: PreflightFinding[];
  /** What could not be compared, and why. */
  unknown: string[];
}

/** Names exactly what differs from the rest; all of them where no majority says which one is wrong. */
export function comparePreflight(facts: PreflightFacts): PreflightResult {
  const version = versionOf(facts);
  const findings = [
    ...imageFindings(facts),
    ...missingRow(facts, version),
    ...hashFindings(facts, version, 'snark'),
    ...hashFindings(facts, version, 'fflonk'),
  ];
  const unknown = unknownFacts(facts);
  const verdict = findings.length > 0 ? 'differs' : unknown.length > 0 ? 'unknown' : 'fits';
  return { verdict, findings, unknown };
}

/** The version that everything is compared for: the chain's; without one, what all images have. */
function versionOf({ chain, images }: PreflightFacts): string | undefined {
  if ('value' in chain) return chain.value;
  const versions = new Set(images.flatMap(({ version }) => ('value' in version ? [version.value] : [])));
  return versions.size === 1 ? [...versions][0] : undefined;
}

function imageFindings({ chain, images }: PreflightFacts): PreflightFinding[] {
  const known = images.flatMap(({ component, version }) => ('value' in version ? [{ component, ...version }] : []));
  const wrong =
    'value' in chain
      ? known.filter(({ value }) => value !== chain.value)
      : oddOnes(known.map((image) => ({ name: image, value: image.value }))).map(({ name }) => name);
  return wrong.map(({ component, value, where }) => {
    const wanted = 'value' in chain ? chain.value : known.find((other) => other.value !== value)?.value;
    const against =
      'value' in chain ? `the chain's batches are of ${wanted} (${chain.where})` : `others are of ${wanted}`;
    return {
      kind: 'differs',
      part: 'image',
      component,
      message: `${component}: the image is of protocol version ${value} (${where}), ${against}`,
      hint: `devkit prover run --component=${component} --variant upstream --docker --tag 2.0-${wanted}-<sha>-<timestamp>   (a tag of that version)`,
    };
  });
}

function missingRow({ rows, commitments }: PreflightFacts, version: string | undefined): PreflightFinding[] {
  if (!('value' in rows) || version === undefined || rows.value.some((row) => row.version === version)) return [];
  const there = rows.value.map((row) => row.version).join(', ') || 'none';
  return [
    {
      kind: 'missing',
      part: 'row',
      message: `protocol version ${version} has no row in ${rows.where} (there: ${there}): the witness generator ends at its start`,
      hint: insertCommand(version, 'value' in commitments ? commitments.value : KNOWN_WRAPPERS[version]),
    },
  ];
}

function insertCommand(version: string, wrappers: Wrappers | undefined): string {
  if (wrappers === undefined) return 'devkit dev prover insert-version --default';
  const fflonk = wrappers.fflonk === null ? '' : ` --fflonk-snark-wrapper=${wrappers.fflonk}`;
  return `devkit dev prover insert-version --version ${version} --snark-wrapper=${wrappers.snark}${fflonk}`;
}

interface Member {
  part: PreflightPart;
  where: string;
  hash: string;
}

function hashFindings(facts: PreflightFacts, version: string | undefined, kind: keyof Wrappers): PreflightFinding[] {
  const members = membersOf(facts, version).flatMap(({ part, where, wrappers }) => {
    const hash = wrappers[kind];
    return hash === null ? [] : [{ part, where, hash: hash.toLowerCase() }];
  });
  const odd = oddOnes(members.map((member) => ({ name: member, value: member.hash }))).map(({ name }) => name);
  return odd.map((member) => ({
    kind: 'differs',
    part: member.part,
    message: differenceOf(member, members, kind === 'snark' ? 'wrapper key hash' : 'FFLONK wrapper key hash'),
    hint: hintOf(member, version),
  }));
}

/** Who says which hash. Images of another version were named before; here they would only be counted again. */
function membersOf(
  facts: PreflightFacts,
  version: string | undefined,
): { part: PreflightPart; where: string; wrappers: Wrappers }[] {
  const { images, commitments, rows, l1 } = facts;
  const image = images.find((one) => 'value' in one.version && one.version.value === version);
  const ofImage = image && version !== undefined ? KNOWN_WRAPPERS[version] : undefined;
  const row = 'value' in rows ? rows.value.find((one) => one.version === version) : undefined;
  return [
    ...(ofImage ? [{ part: 'image' as const, where: `images of ${version}`, wrappers: ofImage }] : []),
    ...('value' in commitments
      ? [{ part: 'commitments' as const, where: commitments.where, wrappers: commitments.value }]
      : []),
    ...(row && 'value' in rows
      ? [{ part: 'row' as const, where: `row ${version} of ${rows.where}`, wrappers: row.wrappers }]
      : []),
    ...('value' in l1 ? [{ part: 'l1' as const, where: l1.where, wrappers: l1.value }] : []),
  ];
}

function differenceOf(member: Member, members: readonly Member[], what: string): string {
  const others = members.filter(({ hash }) => hash !== member.hash);
  const same = new Set(others.map(({ hash }) => hash)).size === 1;
  const rest = same
    ? `${others.map(({ where }) => where).join(', ')}: ${others[0]?.hash}`
    : others.map(({ where, hash }) => `${where}: ${hash}`).join(', ');
  return `${member.where} has ${what} ${member.hash}${ofVersions(member.hash)}; ${rest}`;
}

function ofVersions(hash: string): string {
  if (/^0x0+$/.test(hash)) return ' (none: a verifier for tests)';
  const versions = versionsOfWrapper(hash);
  return versions.length === 0 ? '' : ` (that of ${versions.join(', ')})`;
}

function hintOf({ part, where }: Member, version: string | undefined): string {
  const wanted = version ?? 'the chain';
  switch (part) {
    case 'image':
      return "use images of the release that keys, database and L1 are of; devkit's own keys and contracts are for --variant reference only";
    case 'commitments':
      return `put the prover/data/keys of the release for ${wanted} in place of ${where}, then devkit prover setup-keys`;
    case 'row':
      return 'devkit prover init --setup-database=true --use-default=true --dont-drop=false   (makes the prover database anew), then devkit dev prover insert-version --default';
    case 'l1':
      return `the contracts on L1 are of another release: upgrade the chain to ${wanted}, or use images and keys of the version L1 has`;
  }
}

/** Those that are not of the largest group; all when no group is the largest. */
function oddOnes<N>(values: readonly { name: N; value: string }[]): { name: N; value: string }[] {
  const groups = Map.groupBy(values, ({ value }) => value);
  if (groups.size <= 1) return [];
  const sizes = [...groups.values()].map((group) => group.length).sort((a, b) => b - a);
  if (sizes[0] === sizes[1]) return [...values];
  return values.filter(({ value }) => (groups.get(value)?.length ?? 0) < (sizes[0] ?? 0));
}

function unknownFacts({ chain, images, commitments, rows, l1 }: PreflightFacts): string[] {
  const named: [string, Fact<unknown>][] = [
    ['version of the chain', chain],
    ...images.map(({ component, version }): [string, Fact<unknown>] => [`version of ${component}`, version]),
    ['hash of the keys', commitments],
    ['row of the version', rows],
    ['hash on L1', l1],
  ];
  return named.flatMap(([what, fact]) => ('unknown' in fact ? [`${what}: ${fact.unknown}`] : []));
}
