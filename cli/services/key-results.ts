/** Schemas of what the commands about keys print with `--json`: one shape for each variant. */
import { z } from 'zod';
import { setupKeysResult as referenceKeys, compressorKeysResult as referenceString } from './results.ts';

const downloadedFile = z.object({
  name: z.string(),
  bytes: z.int(),
  crc32c: z.string().describe('base64, of the bytes on disk'),
  md5: z.string().describe('base64, of the bytes on disk'),
  verified: z.enum(['listing', 'headers', 'unverified']).describe('who said what the hashes have to be'),
  how: z.enum(['downloaded', 'hashed', 'unchanged']),
});
const offline = z.boolean().describe('the server could not be asked; compared with what was recorded');

const downloadedKeys = z.object({
  variant: z.literal('upstream'),
  mode: z.literal('download'),
  keysDir: z.string(),
  protocolVersion: z.string(),
  region: z.enum(['us', 'europe', 'asia']),
  from: z.string().describe('gs:// address'),
  server: z.string(),
  files: z.array(downloadedFile),
  missing: z.array(z.string()).describe('setup files that the server does not have'),
  offline,
});
const generatedKeys = z.object({
  variant: z.literal('upstream'),
  mode: z.literal('generate'),
  keysDir: z.string(),
  keyGenerator: z.string().describe('program that made them'),
  logFile: z.string(),
});
export const setupKeysResult = z.union([referenceKeys, downloadedKeys, generatedKeys]);

export const compressorKeysResult = z.union([
  referenceString,
  z.object({
    variant: z.literal('upstream'),
    universalSetupPath: z.string(),
    url: z.string(),
    file: downloadedFile,
    offline,
  }),
]);

export const bellmanCudaResult = z.object({
  bellmanCudaDir: z.string().nullable().describe('null: not needed'),
  cloned: z.boolean(),
});
