/** Programs that stand in for those of a machine: they lie in a folder that comes first on PATH. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Programs extends AsyncDisposable {
  /** Temporary folder of the test; `bin` in it is the one for PATH. */
  dir: string;
  bin: string;
  /** `body` is a shell script, or with `#!` whatever it names. */
  add(name: string, body: string): Promise<void>;
}

export async function programs(): Promise<Programs> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-programs-'));
  const bin = join(dir, 'bin');
  await mkdir(bin);
  return {
    dir,
    bin,
    add: async (name, body) => {
      const file = join(bin, name);
      await mkdir(join(file, '..'), { recursive: true });
      await writeFile(file, body.startsWith('#!') ? body : `#!/bin/sh\n${body}\n`);
      await chmod(file, 0o755);
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A dockerd that answers /_ping and /version at its socket and writes its pid file, and does nothing else. */
export const FAKE_DOCKERD = `#!${process.execPath}
const { createServer } = require('node:http');
const { writeFileSync } = require('node:fs');
const of = (flag) => process.argv[process.argv.indexOf(flag) + 1];
const version = JSON.stringify({ Components: [{ Name: 'Engine', Version: '1' }], Version: '99.1', ApiVersion: '1.99' });
createServer((request, response) => response.end(request.url === '/_ping' ? 'OK' : version))
  .listen(of('--host').slice('unix://'.length), () => writeFileSync(of('--pidfile'), String(process.pid)));
process.on('SIGTERM', () => process.exit(0));
`;
