/** A component that uses a GPU: writes into a journal when it begins and ends, and finishes its job first when it is asked to stop. */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: '' },
    journal: { type: 'string', default: '' },
    port: { type: 'string', default: '0' },
    'finish-ms': { type: 'string', default: '0' },
    exit: { type: 'string' },
  },
});
const write = (what: string): void => appendFileSync(values.journal, `${what} ${values.name}\n`);

if (values.exit !== undefined) process.exit(Number(values.exit));
write('begin');
process.on('SIGTERM', () => {
  setTimeout(() => {
    write('end');
    process.exit(0);
  }, Number(values['finish-ms']));
});
createServer((_request, response) => response.end('ok')).listen(Number(values.port), '127.0.0.1');
