/** `images build|list|prune`: the kit's own container images. */
import { formatBytes } from '../../lib/units.ts';
import { table } from '../output/table.ts';
import { type CommandContext, defineCommand, defineGroup } from './define.ts';
import { arg, flag } from './options.ts';

const buildCommand = defineCommand({
  name: 'build',
  summary: 'make the images that are missing or not up to date',
  about:
    "Makes images from compose/images; without a name all of them. `--runtime docker` does the same at its start. Node comes from node:24-bookworm-slim where a registry can be reached, else from Debian's packages (root, mmdebstrap), else from this machine; the label devkit.base says which. Nothing is published.",
  examples: ['images build', 'images build zksync', 'images build base,postgres --offline', 'images build --force'],
  args: { names: arg.optionalText('image, or several with commas between; default: all') },
  options: {
    offline: flag('ask no registry and no package archive'),
    force: flag('make them again although they are up to date'),
  },
  output: async () => (await import('../services/images-results.ts')).imagesBuildResult,
  async run(ctx, { names, offline, force }) {
    const { buildImages } = await import('../services/images.ts');
    const list = (names ?? '').split(',').map((name) => name.trim());
    const { emit } = ctx;
    return buildImages({ ...machineOf(ctx), emit }, { names: list.filter((name) => name !== ''), offline, force });
  },
  render: ({ images }, style) =>
    table([
      ['image', '', 'size', 'base'].map(style.dim),
      ...images.map(({ tag, built, sizeBytes, base }) => [
        tag,
        built ? 'built' : 'up to date',
        formatBytes(sizeBytes),
        base,
      ]),
    ]),
});

const listCommand = defineCommand({
  name: 'list',
  summary: 'which images there are, and which are up to date',
  about: 'Sizes count what images share (all stand on the base) each time.',
  examples: ['images list', 'images list --json'],
  output: async () => (await import('../services/images-results.ts')).imagesListResult,
  async run(ctx) {
    const { imageList } = await import('../services/images.ts');
    return imageList(machineOf(ctx));
  },
  render: ({ engine, images }, style) => [
    engine,
    ...table([
      ['  name', 'tag', 'state', 'size', 'base', 'made'].map(style.dim),
      ...images.map(({ name, tag, id, state, sizeBytes, base, createdAt }) => [
        `  ${name}`,
        tag ?? shortId(id),
        state,
        sizeBytes === null ? '' : formatBytes(sizeBytes),
        base ?? '',
        createdAt ?? '',
      ]),
    ]),
  ],
});

const shortId = (id: string | null): string => (id ?? '').replace(/^sha256:/, '').slice(0, 12);

const pruneCommand = defineCommand({
  name: 'prune',
  summary: 'remove images of older versions; with --all the current ones too',
  about: 'Only images that carry the label devkit.image are looked at, and none that a container uses is removed.',
  examples: ['images prune', 'images prune --all'],
  options: { all: flag('also images that are up to date') },
  output: async () => (await import('../services/images-results.ts')).imagesPruneResult,
  async run(ctx, { all }) {
    const { imagePrune } = await import('../services/images.ts');
    return imagePrune(machineOf(ctx), { all });
  },
  render: ({ removed, kept }) => [
    ...(removed.length === 0 ? ['nothing to remove'] : []),
    ...removed.map(({ tag, id, name }) => `removed ${tag ?? `${name} ${shortId(id)}`}`),
    ...kept.map(({ image: { tag, id, name }, reason }) => `kept ${tag ?? `${name} ${shortId(id)}`}: ${reason}`),
  ],
});

/** Images belong to the machine's engine, not to a devnet. */
const machineOf = ({ signal, env }: CommandContext) => ({ signal, env });

export const imagesGroup = defineGroup({
  name: 'images',
  summary: 'container images of the kit: make, list, remove',
  commands: [buildCommand, listCommand, pruneCommand],
});
