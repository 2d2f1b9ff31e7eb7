/** On a machine with an NVIDIA GPU: what is read is what the driver has. Elsewhere skipped; with DEVKIT_REQUIRE=gpu a failure. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { architectureFor, cudaRuns, deviceTable, GPU_IMAGES } from '../../../cli/core/devices.ts';
import { placeDevices } from '../../../cli/core/placement.ts';
import { engineFacts } from '../../../cli/host/engine.ts';
import { driverFacts } from '../../../cli/host/gpu/driver.ts';
import { gpuFacts } from '../../../cli/host/gpu.ts';
import { doctor } from '../../../cli/services/doctor.ts';
import { REQUIREMENTS } from '../../../systems/zksync/requirements.ts';
import { isRequired } from '../../fixtures/docker.ts';

const driver = await driverFacts({ env: process.env });
const here = driver.state === 'present' && driver.gpus.length > 0;
const title = (name: string): string => (here ? name : `${name} (skipped: ${driver.message})`);
const gpuTest = here || isRequired('gpu') ? test : test.skip;

const list = (): string[] =>
  execFileSync('nvidia-smi', ['-L'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.startsWith('GPU '));

gpuTest(title('every GPU that nvidia-smi lists is read, with what placement needs'), () => {
  expect(driver.gpus.map(({ uuid, name, index }) => `GPU ${index}: ${name} (UUID: ${uuid})`)).toEqual(list());
  for (const gpu of driver.gpus) {
    expect(gpu.totalMiB).toBeGreaterThan(1_000);
    expect(gpu.totalMiB! - gpu.usedMiB!).toBeGreaterThanOrEqual(gpu.freeMiB!);
    expect(gpu.computeCapability).toMatch(/^\d+\.\d$/);
  }
  expect(driver.cuda).toMatch(/^\d+\.\d+$/);
  expect(cudaRuns(GPU_IMAGES.cuda, driver.version!)).not.toBe('no');
  expect(architectureFor(driver.gpus[0]!.computeCapability!, GPU_IMAGES.architectures)).toBeGreaterThan(0);
});

gpuTest(title('half of its memory is placed on the first GPU, more than all of it is refused'), () => {
  const [first] = driver.gpus.filter(({ mig }) => !mig);
  const own = { dir: '/nobody', pids: new Set<number>() };
  const devices = deviceTable({ gpus: driver.gpus, processes: [], leases: [], own });
  const host = { ramMiB: 1e9, cpus: 1e3, diskBytes: 1e15 };
  const place = (vramMiB: number) =>
    placeDevices([{ component: 'p', resources: { vramMiB } }], devices, host, { device: [first!.uuid] });
  expect(place(Math.floor((first!.totalMiB! - first!.usedMiB!) / 2))).toEqual({
    kind: 'fit',
    assignments: [{ component: 'p', device: first!.uuid }],
  });
  expect(place(first!.totalMiB! + 1).kind).toBe('refused');
});

gpuTest(title('doctor answers every layer and changes nothing of the GPU'), async () => {
  const settings = (): string =>
    execFileSync('nvidia-smi', ['--query-gpu=uuid,mig.mode.current,persistence_mode,compute_mode', '--format=csv'], {
      encoding: 'utf8',
    });
  const before = settings();
  const gpu = await gpuFacts({ engine: await engineFacts() });
  const report = await doctor({
    for: 'upstream',
    needed: REQUIREMENTS.upstream,
    workspace: process.cwd(),
    ports: {},
    gpu,
  });
  const layers = report.checks.filter(({ id }) => id.startsWith('gpu'));
  expect(layers.map(({ id }) => id)).toEqual([
    'gpu-driver',
    'gpu',
    'gpu-free',
    'gpu-arch',
    'gpu-containers',
    'gpu-container-run',
  ]);
  for (const { found } of layers.slice(0, 4)) expect(found).not.toContain('not checked');
  process.stdout.write(`${layers.map(({ state, title: what, found }) => `${state} ${what}: ${found}`).join('\n')}\n`);
  expect(settings()).toBe(before);
});
