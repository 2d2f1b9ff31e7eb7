import { parseConfigFlags } from '../shared/flags.ts';
import { runComponent } from '../shared/run-component.ts';
import { runGateway } from './gateway.ts';

await runComponent('gateway', (context) => runGateway(parseConfigFlags(process.argv.slice(2)), context));
