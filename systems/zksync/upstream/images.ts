/** References of upstream's images, and what a tag tells. */
import { formatVersion, type ProtocolVersion, parseVersion } from '../protocol/ids.ts';
import type { UpstreamComponent, UpstreamId } from './components.ts';

/** zkstack's default. It is whatever was pushed last. */
export const DEFAULT_TAG = 'latest';

export type ImageOverrides = Partial<Readonly<Record<UpstreamId, string>>>;

/** `<repository>:<tag>`; an override may name its own tag or digest. */
export function imageReference(
  { id, image }: Pick<UpstreamComponent, 'id' | 'image'>,
  { tag, images }: { tag: string; images?: ImageOverrides | undefined },
): string {
  const given = images?.[id];
  if (given === undefined) return `${image}:${tag}`;
  return hasTag(given) ? given : `${given}:${tag}`;
}

/** A colon after the last slash is a tag, before it a port. */
const hasTag = (reference: string): boolean =>
  reference.includes('@') || reference.slice(reference.lastIndexOf('/') + 1).includes(':');

/** Tag of a reference; undefined for a digest without one. */
export function tagOf(reference: string): string | undefined {
  const name = reference.split('@')[0] ?? '';
  const at = name.lastIndexOf(':');
  if (at > name.lastIndexOf('/')) return name.slice(at + 1);
  return reference.includes('@') ? undefined : DEFAULT_TAG;
}

/** Upstream pushes `2.0-<protocol version>-<sha>-<timestamp>` beside `2.0-<sha>-<timestamp>` and `latest`. */
export function versionInTag(tag: string): ProtocolVersion | undefined {
  const match = /^2\.0-v?(0\.\d+\.\d+)(?:-|$)/.exec(tag);
  return match ? parseVersion(match[1] ?? '') : undefined;
}

/** What a user should hear about images whose version is anybody's guess; undefined when the tags say it. */
export function floatingTagNotice(references: readonly string[], version: ProtocolVersion): string | undefined {
  const floating = references.filter((reference) => tagOf(reference) === DEFAULT_TAG);
  if (floating.length === 0) return undefined;
  const what = floating.length === 1 ? floating[0] : `${floating[0]} and ${floating.length - 1} more`;
  const wanted = formatVersion(version);
  return `${what}: "latest" can be another protocol version than the ${wanted} of this chain, and the components then refuse to work; pin one with --tag 2.0-${wanted}-<sha>-<timestamp>`;
}
