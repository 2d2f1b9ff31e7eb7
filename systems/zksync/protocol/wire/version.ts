/** The two spellings of a version on the wire: `"0.31.0"` (semantic) and `"Version31"` (id). */
import { formatVersion, type ProtocolVersion, parseVersion } from '../ids.ts';
import { asText, WireError } from './plain.ts';

export const formatProtocolVersionId = (minor: number): string => `Version${minor}`;

export function parseProtocolVersionId(value: unknown, where: string): number {
  const match = /^Version(\d{1,5})$/.exec(asText(value, where));
  if (!match) throw new WireError(where, 'expected a protocol version such as Version31');
  return Number(match[1]);
}

export const putVersion = (version: ProtocolVersion): string => formatVersion(version);

export function asVersion(value: unknown, where: string): ProtocolVersion {
  const text = asText(value, where);
  const version = parseVersion(text);
  if (!version) throw new WireError(where, `expected a version 0.x.y, found ${text}`);
  return version;
}
