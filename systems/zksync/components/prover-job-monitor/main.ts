import { parseConfigFlags } from '../shared/flags.ts';
import { runComponent } from '../shared/run-component.ts';
import { runJobMonitor } from './monitor.ts';

await runComponent('prover-job-monitor', (context) => runJobMonitor(parseConfigFlags(process.argv.slice(2)), context));
