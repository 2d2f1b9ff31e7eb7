/** A small component: answers HTTP on a port, writes a log, and misbehaves as it is told. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    exit: { type: 'string' },
    deaf: { type: 'boolean' },
    child: { type: 'boolean' },
    say: { type: 'string' },
  },
});
process.stdout.write(`fixture ${process.env.POD_NAME} starts\n`);
if (values.say !== undefined) process.stdout.write(`${values.say}\n`);
if (values.child) {
  // a session of its own, as a careless program might do it
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  process.stdout.write(`child ${child.pid}\n`);
}
if (values.exit !== undefined) {
  for (let i = 1; i <= 30; i++) process.stderr.write(`line ${i}\n`);
  process.exitCode = Number(values.exit);
} else {
  if (values.deaf) process.on('SIGTERM', () => process.stdout.write('SIGTERM ignored\n'));
  createServer((_request, response) => response.end('ok')).listen(Number(values.port), values.host);
}
