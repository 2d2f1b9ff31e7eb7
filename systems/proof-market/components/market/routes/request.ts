/** Parts of a request. */
import type { FastifyRequest } from 'fastify';
import { documentNotFound } from '../../../protocol/errors.ts';
import { toKey } from '../../../protocol/validation.ts';

/** A query, each name once (the first of several). */
export function queryOf(request: FastifyRequest): Record<string, string> {
  const query = request.query as Record<string, string | string[]>;
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String([value].flat()[0] ?? '')]));
}

export const paramOf = (request: FastifyRequest, name: string): string =>
  (request.params as Record<string, string>)[name] ?? '';

/** The key in a path. @throws MarketError 404: what is no key names no document */
export function keyOf(request: FastifyRequest, collection: string): string {
  const text = paramOf(request, 'key');
  const key = toKey(text);
  if (key === undefined) throw documentNotFound(`${collection} ${text.slice(0, 80)}`);
  return key;
}

/** `?full=true`. */
export const isSet = (value: string | undefined): boolean => value === 'true' || value === '1' || value === '';
