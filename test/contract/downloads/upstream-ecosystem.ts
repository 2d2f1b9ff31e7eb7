/** An ecosystem of variant upstream in a temporary folder: files only, nothing runs. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { editYaml } from '../../../cli/services/ecosystem/yaml-file.ts';

export interface TestEcosystem extends AsyncDisposable {
  dir: string;
  keys: string;
  general: string;
  genesis: string;
  stackFile: string;
  read(file: string): Promise<Record<string, Record<string, unknown>>>;
}

const TEMPLATES = join(import.meta.dirname, '../../../templates/zksync');

export async function upstreamEcosystem(variant: 'upstream' | 'reference' = 'upstream'): Promise<TestEcosystem> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-upstream-'));
  const chain = join(dir, 'chains', 'era');
  const configs = join(chain, 'configs');
  await mkdir(configs, { recursive: true });
  await writeFile(
    join(dir, 'ZkStack.yaml'),
    '# kept\nname: local\nl1_network: Localhost\ndefault_chain: era\nprover_version: GPU\n',
  );
  await writeFile(join(chain, 'ZkStack.yaml'), 'id: 1\nname: era\nchain_id: 271\nprover_version: GPU\n');
  for (const name of ['general.yaml', 'genesis.yaml', 'secrets.yaml', 'contracts.yaml']) {
    await cp(join(TEMPLATES, name), join(configs, name));
  }
  const general = join(configs, 'general.yaml');
  await editYaml(general, { 'devkit.variant': variant });
  return {
    dir,
    keys: join(dir, 'prover', 'data', 'keys'),
    general,
    genesis: join(configs, 'genesis.yaml'),
    stackFile: join(dir, 'ZkStack.yaml'),
    read: async (file) => parse(await readFile(file, 'utf8')) as Record<string, Record<string, unknown>>,
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true });
    },
  };
}
