/** A kit that starts a component in a container and is killed (SIGKILL) when it is about to make the request that is named. */
import http from 'node:http';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { connectEngine } from '../../../cli/runtimes/docker/engine.ts';
import { createDockerRuntime } from '../../../cli/runtimes/docker/index.ts';

const [workspace, spec, image, dieAt] = process.argv.slice(2) as [string, string, string, string];
const request = http.request;
let dying = false;
http.request = ((options: http.RequestOptions, ...rest: []) => {
  const name = `${options.method} ${options.path}`;
  // `after:` lets that request pass and dies at the next one
  if (dying || name.includes(dieAt)) process.kill(process.pid, 'SIGKILL');
  if (dieAt.startsWith('after:') && name.includes(dieAt.slice('after:'.length))) dying = true;
  return request(options, ...rest);
}) as typeof http.request;
const runtime = createDockerRuntime({
  paths: devnetPaths(workspace, 'test'),
  engine: await connectEngine(),
  resolveImage: async () => image,
});
await runtime.start(JSON.parse(spec), new AbortController().signal);
