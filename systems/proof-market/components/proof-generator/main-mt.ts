/** `proof-generator-mt`: a thread for each shard of `--smp`, memory by `--shard0-mem-scale`. */
import { runGenerator } from './run.ts';

await runGenerator('proof-generator-mt');
