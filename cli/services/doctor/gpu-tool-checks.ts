/** What runs or builds GPU programs: CUDA compiler, cmake, bellman-cuda; containers that are given a GPU. */
import { CUDA_DRIVERS_SOURCE, cudaRuns, driverOfCuda } from '../../core/devices.ts';
import { compareVersions } from '../../core/requirements.ts';
import type { EngineFacts } from '../../host/engine.ts';
import type { GpuFacts } from '../../host/gpu.ts';
import type { GpuCheckResult } from '../../runtimes/docker/gpu-check.ts';
import { check, type DoctorCheck } from './check.ts';
import { notChecked } from './gpu-checks.ts';

const MIN_CMAKE = '3.24';
const BOOK = 'zksync-era, prover book: native builds need cmake 3.24, CUDA 12.x and bellman-cuda';

/** Needed to build or run upstream's programs without containers; a machine whose containers get GPUs can do without. */
export function nativeChecks(facts: GpuFacts, engine: EngineFacts): DoctorCheck[] {
  const optional = engine.state === 'reachable' && methodOf(facts) !== undefined;
  return [cudaCheck(facts, optional), cmakeCheck(facts, optional), bellmanCheck(facts, optional)];
}

const needed = (what: string, optional: boolean): string => (optional ? `${what}; not needed with containers` : what);

function cudaCheck({ nvcc, driver }: GpuFacts, optional: boolean): DoctorCheck {
  const about = {
    id: 'cuda',
    title: 'CUDA toolkit',
    needed: needed('12.x', optional),
    source: `${BOOK}; ${CUDA_DRIVERS_SOURCE}`,
  };
  if (nvcc === undefined) {
    const fix = 'install the CUDA toolkit, release 12.x, or use containers';
    return check(about, { state: optional ? 'ok' : 'warn', found: 'no nvcc', fix });
  }
  const lowest = driverOfCuda(nvcc);
  const runs = driver.version === undefined ? undefined : cudaRuns(nvcc, driver.version);
  const than = lowest === undefined ? '' : `, made for driver ${lowest} or newer`;
  const found = `nvcc ${nvcc}${than}${driver.version === undefined ? '' : `; the driver is ${driver.version}`}`;
  if (!nvcc.startsWith('12.'))
    return check(about, { state: optional ? 'ok' : 'warn', found, fix: 'install release 12.x' });
  if (runs === undefined || runs === 'yes') return check(about, { state: 'ok', found });
  const fix = `install driver ${lowest ?? 'of that release'} or newer, or an older toolkit`;
  return check(about, { state: optional ? 'ok' : runs === 'no' ? 'fail' : 'warn', found, fix });
}

function cmakeCheck({ cmake }: GpuFacts, optional: boolean): DoctorCheck {
  const good = cmake !== undefined && compareVersions(cmake, MIN_CMAKE) >= 0;
  return check(
    { id: 'cmake', title: 'cmake', needed: needed(`${MIN_CMAKE} or newer`, optional), source: BOOK },
    {
      state: good || optional ? 'ok' : 'warn',
      found: cmake ?? 'not installed',
      fix: `install cmake ${MIN_CMAKE} or newer`,
    },
  );
}

function bellmanCheck({ bellmanCuda: { file, dir, library } }: GpuFacts, optional: boolean): DoctorCheck {
  const found =
    library ??
    (dir !== undefined
      ? `${dir} is not built`
      : file === undefined
        ? 'no ecosystem here names one'
        : `${file} has no bellman_cuda_dir`);
  return check(
    { id: 'bellman-cuda', title: 'bellman-cuda', needed: needed('built, for the compressor', optional), source: BOOK },
    { state: library !== undefined || optional ? 'ok' : 'warn', found, fix: 'devkit prover init-bellman-cuda --clone' },
  );
}

const CONTAINER_TITLE = 'GPUs for containers';

/** How containers are given a GPU, by what is installed; undefined: not at all. */
function methodOf({ containers }: GpuFacts): string | undefined {
  const { toolkit, engineRuntime, engineCdi, cdiDevices } = containers;
  const version = toolkit === undefined ? '' : ` ${toolkit}`;
  if (engineRuntime) return `container toolkit${version}, runtime nvidia in the engine`;
  if (engineCdi && cdiDevices.length > 0) return `CDI: ${cdiDevices.join(', ')}`;
  return undefined;
}

export function containerToolCheck(facts: GpuFacts, engine: EngineFacts): DoctorCheck {
  const about = {
    id: 'gpu-containers',
    title: CONTAINER_TITLE,
    needed: 'NVIDIA container toolkit or CDI specifications',
  };
  if (engine.state !== 'reachable') return notChecked(about, { title: 'container engine' });
  const method = methodOf(facts);
  if (method !== undefined) return check(about, { state: 'ok', found: method });
  const { toolkit, cdiDevices } = facts.containers;
  if (toolkit === undefined && cdiDevices.length === 0) {
    return check(about, {
      state: 'warn',
      found: 'neither',
      fix: `install nvidia-container-toolkit, then: ${CONFIGURE}`,
    });
  }
  const parts = [
    ...(toolkit === undefined ? [] : [`container toolkit ${toolkit}`]),
    ...(cdiDevices.length === 0 ? [] : [`CDI: ${cdiDevices.join(', ')}`]),
  ];
  return check(about, { state: 'warn', found: `${parts.join('; ')}; the engine uses neither`, fix: CONFIGURE });
}

const CONFIGURE = 'nvidia-ctk runtime configure --runtime=docker && systemctl restart docker';

/**
 * Runs a container with the first GPU, unless a layer below failed. A toolkit that the engine does not list is no obstacle: it finds the
 * toolkit's hook by itself.
 */
export async function containerRunCheck(
  layers: { driver: DoctorCheck; tool: DoctorCheck; facts: GpuFacts; engine: EngineFacts },
  run: () => Promise<GpuCheckResult>,
): Promise<DoctorCheck> {
  const { driver, tool, facts, engine } = layers;
  const about = { id: 'gpu-container-run', title: 'a container that sees the GPU', needed: '/dev/nvidia* inside' };
  if (driver.state === 'fail') return notChecked(about, driver);
  if (engine.state !== 'reachable') return notChecked(about, { title: 'container engine' });
  if (tool.state !== 'ok' && facts.containers.toolkit === undefined) return notChecked(about, tool);
  const result = await run();
  if (result.state === 'no-image') {
    return check(about, {
      state: 'warn',
      found: 'not run: no image of devkit is there',
      fix: 'devkit images build base',
    });
  }
  if (result.state === 'refused') return check(about, { state: 'fail', found: result.reason, fix: CONFIGURE });
  const found = [...result.devices, ...result.gpus].join(', ');
  const sees = result.devices.some((device) => /^\/dev\/nvidia\d+$/.test(device));
  return check(about, { state: sees ? 'ok' : 'fail', found: found || 'no /dev/nvidia* inside', fix: CONFIGURE });
}
