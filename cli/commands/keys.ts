/** `keys list`. */
import { table } from '../output/table.ts';
import { defineCommand, defineGroup } from './define.ts';

const listCommand = defineCommand({
  name: 'list',
  summary: 'the verification keys of the ecosystem and their hashes',
  examples: ['keys list', 'keys list --json'],
  output: async () => (await import('../services/results.ts')).keysListResult,
  async run(ctx) {
    const { listKeys } = await import('../services/ecosystem/keys.ts');
    const { openEcosystem } = await import('../services/ecosystem/files.ts');
    return listKeys(await openEcosystem(await ctx.service()));
  },
  render: (data, style) => [
    `${data.keysDir}: aggregation ${style.bold(data.aggregation)}, reference string ${style.bold(data.crs)}`,
    ...table(data.keys.map(({ circuit, target, hash }) => [`  ${circuit}`, target, hash])),
    `keyset ${data.keyset}`,
    `snark wrapper ${data.snarkWrapper}`,
  ],
});

export const keysGroup = defineGroup({
  name: 'keys',
  summary: 'verification keys and their hashes',
  commands: [listCommand],
});
