/** Takes a lease, says so, and holds it until it is killed; or says why it did not get it. */
import { setTimeout as wait } from 'node:timers/promises';
import { leaseGpu } from '../../../cli/host/gpu-lease.ts';

const [leaseDir = '', uuid = '', dir = '', component = ''] = process.argv.slice(2);
try {
  await leaseGpu({ uuid, dir, devnet: dir.slice(1), component }, { leaseDir, signal: new AbortController().signal });
  process.stdout.write('held\n');
  await wait(120_000);
} catch (error) {
  process.stdout.write(`refused ${(error as Error).message}\n`);
}
