/** How containers of this machine could get a GPU: NVIDIA's container toolkit, or specifications of the Container Device Interface. */
import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { parseContainerToolkit } from '../../core/devices.ts';
import type { EngineFacts } from '../engine.ts';
import { ask, type RunOptions } from './run.ts';

export interface ContainerGpuFacts {
  /** Version of the container toolkit that is installed. */
  toolkit?: string;
  /** The engine has a runtime of the name `nvidia`. */
  engineRuntime: boolean;
  /** The engine reads CDI specifications. */
  engineCdi: boolean;
  /** Names of GPUs, `nvidia.com/gpu=…`, from specifications on this machine or from the engine's own list. */
  cdiDevices: string[];
}

export const CDI_DIRS = ['/etc/cdi', '/var/run/cdi'];
const CDI_KIND = 'nvidia.com/gpu';

export interface ContainerGpuOptions extends RunOptions {
  engine: EngineFacts;
  cdiDirs?: readonly string[];
}

export async function containerGpuFacts(options: ContainerGpuOptions): Promise<ContainerGpuFacts> {
  const { engine, cdiDirs = CDI_DIRS } = options;
  const [toolkit, info] = await Promise.all([
    ask(['nvidia-ctk'], ['--version'], options),
    engine.state === 'reachable' ? engineInfo(engine.socket) : undefined,
  ]);
  const dirs = [...new Set([...cdiDirs, ...(info?.CDISpecDirs ?? [])])];
  const found = (info?.DiscoveredDevices ?? []).flatMap(({ ID }) => (ID?.startsWith(`${CDI_KIND}=`) ? [ID] : []));
  const version = toolkit.kind === 'ok' ? parseContainerToolkit(toolkit.text) : undefined;
  return {
    ...(version === undefined ? {} : { toolkit: version }),
    engineRuntime: info?.Runtimes !== undefined && 'nvidia' in info.Runtimes,
    engineCdi: (info?.CDISpecDirs ?? []).length > 0,
    cdiDevices: [...new Set([...found, ...(await cdiDevices(dirs))])].sort(),
  };
}

/** GPUs that the specifications in these folders describe. */
export async function cdiDevices(dirs: readonly string[]): Promise<string[]> {
  const { parse } = await import('yaml');
  const names: string[] = [];
  for (const dir of dirs) {
    for (const file of await readdir(dir).catch(() => [])) {
      if (!/\.(json|ya?ml)$/.test(file)) continue;
      const text = await readFile(join(dir, file), 'utf8').catch(() => '');
      names.push(...namesIn(text, parse));
    }
  }
  return names;
}

/** JSON is YAML. A file that is damaged describes nothing. */
function namesIn(text: string, parse: (text: string) => unknown): string[] {
  try {
    const spec = parse(text) as { kind?: string; devices?: { name?: string }[] } | null;
    if (spec?.kind !== CDI_KIND || !Array.isArray(spec.devices)) return [];
    return spec.devices.flatMap(({ name }) => (name === undefined ? [] : [`${CDI_KIND}=${name}`]));
  } catch {
    return [];
  }
}

/** Of `GET /info`; the CDI fields came with Docker 25 and 28.2. */
interface EngineInfo {
  Runtimes?: Record<string, unknown>;
  CDISpecDirs?: string[] | null;
  DiscoveredDevices?: { ID?: string }[] | null;
}

const ANSWER_MS = 5_000;

/** Undefined when it does not answer as an engine. */
function engineInfo(socketPath: string): Promise<EngineInfo | undefined> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/info', timeout: ANSWER_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve(parseInfo(Buffer.concat(chunks).toString('utf8'))));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.on('close', () => resolve(undefined));
    asked.end();
  });
}

function parseInfo(text: string): EngineInfo | undefined {
  try {
    return JSON.parse(text) as EngineInfo;
  } catch {
    return undefined;
  }
}
