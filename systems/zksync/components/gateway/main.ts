import { parseConfigFlags } from '../../../../lib/component/config-flags.ts';
import { runComponent } from '../../../../lib/component/run-component.ts';
import { runGateway } from './gateway.ts';

await runComponent('gateway', (context) =>
  runGateway(parseConfigFlags(process.argv.slice(2), 'general.yaml'), context),
);
