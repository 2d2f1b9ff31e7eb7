import type { ServiceContext } from '../context.ts';
import { openChain, openEcosystem } from './files.ts';
import { editYaml } from './yaml-file.ts';

/** `ecosystem change-default-chain`. @throws DevkitError NOT_FOUND */
export async function changeDefaultChain(ctx: ServiceContext, name: string): Promise<{ defaultChain: string }> {
  const ecosystem = await openEcosystem(ctx);
  const chain = await openChain(ecosystem, name);
  await editYaml(ecosystem.paths.file, { default_chain: chain.name });
  return { defaultChain: chain.name };
}
