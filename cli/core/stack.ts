/** The stack file, `devkit.yaml`: which system, whose programs, how and where they run. */
import { z } from 'zod';
import { parseBytes } from '../../lib/units.ts';
import type { ProgramPath, RuntimeName } from './types.ts';

export const STACK_FILE = 'devkit.yaml';
export const STACK_VERSION = 1;

const VARIANTS = ['reference', 'upstream'] as const;
export type Variant = (typeof VARIANTS)[number];

const tagPattern = /^\w[\w.-]{0,127}$/;
const devicePattern = /^(GPU|MIG)-[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

const tag = z
  .string()
  .regex(tagPattern, 'a tag is letters, digits, _ . and -, at most 128')
  .describe('tag of the upstream images that name none themselves');
const devices = z
  .union([
    z.literal('auto'),
    z.array(z.string().regex(devicePattern, 'a UUID as `nvidia-smi -L` prints it: GPU-…')).min(1),
  ])
  .describe('GPUs for the components that use one: UUIDs, or auto (what is free)');
const variant = z.enum(VARIANTS).describe("whose components run: devkit's own, or the project's");
const runtime = z.enum(['process', 'docker']).describe('how components run');

/** Keys that hold something for each of several components. */
export const PER_COMPONENT = ['images', 'binaries', 'memory'] as const;
type PerComponent = (typeof PER_COMPONENT)[number];

export interface StackNames {
  /** Every proof system. */
  systems: readonly string[];
  /** The one this stack is of. */
  system: string;
  /** What each of these may name in that system. */
  names: Readonly<Record<PerComponent, readonly string[]>>;
}

export function stackSchema({ systems, system, names }: StackNames) {
  const perComponent = (key: PerComponent, about: string, value: z.ZodString) =>
    z.strictObject(Object.fromEntries(names[key].map((name) => [name, value.optional()]))).describe(about);
  return z.strictObject({
    version: z.literal(STACK_VERSION).describe('version of this format'),
    system: z.enum(systems).default(system).describe('proof system'),
    variant: variant.default('reference'),
    runtime: runtime.default('process'),
    tag: tag.default('latest'),
    images: perComponent(
      'images',
      'image of a component instead of the published one: repository, repository:tag or repository@digest',
      z.string().regex(/^[^\s:/][^\s]*$/, 'an image reference has no blanks'),
    ).default({}),
    binaries: perComponent(
      'binaries',
      'program of a component on this machine, for runtime process; relative to this file',
      z.string().min(1),
    ).default({}),
    memory: perComponent(
      'memory',
      'memory that the container of a component may take, e.g. 6GiB, instead of the usual limit',
      z.string().refine(isSize, 'a size like 6GiB or 500MB'),
    ).default({}),
    devices: devices.default('auto'),
  });
}

function isSize(text: string): boolean {
  try {
    return parseBytes(text) > 0;
  } catch {
    return false;
  }
}

export type StackFile = z.infer<ReturnType<typeof stackSchema>>;

/** Values that can also come from the environment or a flag. */
export const OVERRIDES = { variant, runtime, tag, devices } as const;
export type OverrideKey = keyof typeof OVERRIDES;

/** What a stack says after defaults, file, environment and flags. */
export interface Stack {
  system: string;
  variant: Variant;
  runtime: RuntimeName;
  tag: string;
  images: Readonly<Record<string, string>>;
  /** Absolute paths. */
  binaries: Readonly<Record<string, ProgramPath>>;
  /** Bytes by component. */
  memory: Readonly<Record<string, number>>;
  devices: 'auto' | readonly string[];
  /** The file that was read; absent: there is none. */
  file: string | undefined;
  /** Key → `default`, `/w/devkit.yaml:3`, `DEVKIT_TAG` or `--tag`. */
  sources: Readonly<Record<string, string>>;
}

/** For editors: `# yaml-language-server: $schema=…`. */
export const stackJsonSchema = (names: StackNames): Record<string, unknown> =>
  z.toJSONSchema(stackSchema(names), { io: 'input' }) as Record<string, unknown>;
