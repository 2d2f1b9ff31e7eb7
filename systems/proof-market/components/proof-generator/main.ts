/** `proof-generator`: one thread. */
import { runGenerator } from './run.ts';

await runGenerator('proof-generator');
