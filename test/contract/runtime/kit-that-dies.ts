/** A kit that starts a component and is killed (SIGKILL) at the n-th write of its record: 1 before the process exists, 2 after. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { createProcessRuntime } from '../../../cli/runtimes/process/index.ts';

const [workspace, spec, dieAt] = process.argv.slice(2) as [string, string, string];
const rename = fs.rename;
let writes = 0;
fs.rename = async (from, to) => {
  if (String(to).endsWith('/web.json') && ++writes === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
  return rename(from, to);
};
syncBuiltinESMExports();
const runtime = createProcessRuntime({ paths: devnetPaths(workspace, 'test') });
await runtime.start(JSON.parse(spec), new AbortController().signal);
