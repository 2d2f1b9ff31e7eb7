import { parseConfigFlags } from '../../../../lib/component/config-flags.ts';
import { runComponent } from '../../../../lib/component/run-component.ts';
import { runJobMonitor } from './monitor.ts';

await runComponent('prover-job-monitor', (context) =>
  runJobMonitor(parseConfigFlags(process.argv.slice(2), 'general.yaml'), context),
);
