/** Schemas of what `devkit images … --json` prints. */
import { z } from 'zod';

const image = z.object({
  name: z.string(),
  tag: z.string().nullable().describe('null: it lost its name to a newer image'),
  id: z.string().nullable().describe('null: the engine does not have it'),
  state: z
    .enum(['current', 'stale', 'missing'])
    .describe('current: what a start takes; missing: a start makes it first'),
  sizeBytes: z.int().nullable().describe('with what it shares with other images'),
  base: z.string().nullable().describe('where Node and the C library came from: registry, debian or host'),
  createdAt: z.string().nullable(),
});

export const imagesBuildResult = z.object({
  images: z.array(
    z.object({
      name: z.string(),
      tag: z.string(),
      sizeBytes: z.int(),
      base: z.string().describe('where Node and the C library came from: registry, debian or host'),
      built: z.boolean().describe('false: it was up to date'),
    }),
  ),
});
export const imagesListResult = z.object({ engine: z.string(), images: z.array(image) });
export const imagesPruneResult = z.object({
  removed: z.array(image),
  kept: z.array(z.object({ image, reason: z.string() })).describe('what would have gone, but is in use'),
});
