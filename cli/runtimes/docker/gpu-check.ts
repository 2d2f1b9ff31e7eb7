import type { EngineDevices } from './device-options.ts';
import { gpuMethod, gpuOptions } from './device-options.ts';
import type { Engine } from './engine.ts';
import { daemonText } from './errors.ts';

/** What a container saw that was given a GPU. */
export type GpuCheckResult =
  /** No image of ours is there that could be run. */
  | { state: 'no-image' }
  | { state: 'refused'; reason: string }
  /** `/dev/nvidia*` inside, and the lines of `nvidia-smi -L` where the engine brought that program in. */
  | { state: 'ran'; method: 'device-requests' | 'cdi'; devices: string[]; gpus: string[] };

const LABEL = 'devkit.gpu-check';
const LIMIT_MS = 30_000;

/** Runs inside: node is all that our base image has. */
const SCRIPT = `
const { readdirSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const devices = readdirSync('/dev').filter((name) => name.startsWith('nvidia')).map((name) => '/dev/' + name).sort();
const smi = spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8', timeout: 10000 });
const gpus = (smi.stdout ?? '').split('\\n').filter((line) => line.startsWith('GPU '));
console.log(JSON.stringify({ devices, gpus }));
`;

/** Starts one short-lived container of our base image (or the one given) with this GPU, and says what it saw. Leaves nothing behind. */
export async function checkGpuInContainer(
  { docker }: Engine,
  uuid: string,
  signal: AbortSignal,
  given?: string,
): Promise<GpuCheckResult> {
  const image = given ?? (await ownImage(docker));
  if (image === undefined) return { state: 'no-image' };
  const method = gpuMethod((await docker.info()) as EngineDevices);
  try {
    const said = await runOnce(docker, image, gpuOptions([uuid], method), signal);
    const { devices, gpus } = JSON.parse(said) as { devices: string[]; gpus: string[] };
    return { state: 'ran', method, devices, gpus };
  } catch (error) {
    signal.throwIfAborted();
    return { state: 'refused', reason: daemonText(error) };
  }
}

type Client = Engine['docker'];

/** The newest of our images; the base one if it is there: all of them have node. */
async function ownImage(docker: Client): Promise<string | undefined> {
  const images = await docker.listImages({ filters: { label: ['devkit.image'] } });
  const nodes = images.filter(({ Labels }) => ['base', 'zksync'].includes(Labels?.['devkit.image'] ?? ''));
  nodes.sort(
    (a, b) =>
      Number(b.Labels?.['devkit.image'] === 'base') - Number(a.Labels?.['devkit.image'] === 'base') ||
      b.Created - a.Created,
  );
  return nodes[0]?.Id;
}

async function runOnce(
  docker: Client,
  image: string,
  gpus: ReturnType<typeof gpuOptions>,
  signal: AbortSignal,
): Promise<string> {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ['node'],
    Cmd: ['-e', SCRIPT],
    Labels: { [LABEL]: '1' },
    // `utility` brings nvidia-smi in, where the toolkit does that
    Env: ['NVIDIA_DRIVER_CAPABILITIES=compute,utility'],
    HostConfig: { ...gpus, NetworkMode: 'none', ReadonlyRootfs: true, CapDrop: ['ALL'], LogConfig: LOGS },
  });
  try {
    await container.start();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    const { StatusCode } = (await container.wait({ abortSignal: limit })) as { StatusCode: number };
    const lines = outputLines(await container.logs({ stdout: true, stderr: true, follow: false }));
    if (StatusCode !== 0) throw new Error(lines.at(-1) ?? `the check ended with exit code ${StatusCode}`);
    return lines.at(-1) ?? '';
  } finally {
    await container.remove({ force: true });
  }
}

/** Whatever the engine's default is: what the container says is read back. */
const LOGS = { Type: 'json-file', Config: {} };
const HEADER_BYTES = 8;

/** Frames of a container without a terminal: stream, three zeros, length, then that many bytes. */
function outputLines(frames: Buffer): string[] {
  const parts: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= frames.length; ) {
    const end = at + HEADER_BYTES + frames.readUInt32BE(at + 4);
    parts.push(frames.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  return Buffer.concat(parts).toString('utf8').split('\n').filter(Boolean);
}
