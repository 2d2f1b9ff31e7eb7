import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { sleep } from '../../../lib/deadline.ts';
import { withFileLock } from '../../../lib/file-lock.ts';
import { DevkitError } from '../../core/errors.ts';
import type { DevnetPaths } from '../../core/paths.ts';
import { componentLog } from '../../core/paths.ts';
import { portTaken } from '../../core/ports.ts';
import type { ComponentSpec, ComponentStatus, Program } from '../../core/types.ts';
import { anvilStateFile, backUpAnvilState, repairAnvilState } from '../../host/anvil-state.ts';
import { describeHolder, listeningPorts, portHolder } from '../../host/ports.ts';
import { clearStalePostmaster } from '../../host/postgres-data.ts';
import { bootId, findByEnvironment, readProcess, usageOf } from '../../host/proc.ts';
import { resolveProgram } from '../../host/programs.ts';
import type { ManagedRuntime } from '../runtime.ts';
import { launch } from './launch.ts';
import { readLog, sizeOf, tailLines, tailOffset } from './log-file.ts';
import {
  liveProcess,
  readRecord,
  recordedIds,
  recordLock,
  removeRecord,
  type StartRecord,
  specDigest,
  statusOf,
  TAG_COMPONENT,
  TAG_DEVNET,
  TAG_POD,
  writeRecord,
} from './record.ts';
import { killAll, stopRecorded } from './stop.ts';

export interface ProcessRuntimeOptions {
  paths: DevnetPaths;
  /** Where programs lie; default: the npm packages of this installation. */
  resolve?: (name: Program) => Promise<string>;
}

/** What the process runtime offers; the services need no more than `ManagedRuntime`. */
export type ProcessRuntime = ManagedRuntime;

/**
 * Components as processes of this machine: own session each, output in a log file, they survive the kit. Every call looks at the
 * recorded pid and start time, so any number of kit processes may use one devnet; starts and stops of a component exclude each other.
 * `start` returns the running process if it was started from an equal spec, and replaces it if from another.
 */
export function createProcessRuntime(options: ProcessRuntimeOptions): ProcessRuntime {
  const { paths, resolve = resolveProgram } = options;
  const { runDir } = paths;
  if (!existsSync('/proc/self/stat')) {
    throw new DevkitError('HOST_UNFIT', `the process runtime needs Linux (/proc): this is ${process.platform}`, {
      hint: 'on Windows use WSL',
    });
  }
  const context: Context = { paths, resolve, endings: new Map() };
  const locked = <T>(id: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
    withFileLock(recordLock(runDir, id), work, signal);
  const inspect = async (id: string): Promise<ComponentStatus> => {
    const status = statusOf(id, await currentRecord(runDir, id));
    return status.state === 'exited' ? { ...status, ...(await endingOf(context, status)) } : status;
  };
  return {
    name: 'process',
    inspect,
    start: (spec, signal) => locked(spec.id, signal, () => start(context, spec, signal)),
    stop: async (id, signal) => {
      if (recordedIds(runDir).includes(id)) await locked(id, signal, () => stop(context, id, signal));
    },
    list: () => Promise.all(recordedIds(runDir).map(inspect)),
    logs: (id, { follow, tail }, signal) => componentLines(componentLog(paths, id), { follow, tail }, signal),
    lastLines: async (id, lines) => {
      const record = await readRecord(runDir, id);
      return record ? tailLines(record.logFile, lines, record.logOffset) : [];
    },
    sweep: (signal) => sweep(paths, signal),
    describe: async (id) => {
      const record = await readRecord(runDir, id);
      return record && { ports: record.ports, needs: record.needs };
    },
    usage: async (id) => {
      const record = await currentRecord(runDir, id);
      const live = record && liveProcess(record);
      return live && usageOf(live.pid);
    },
    preserve,
  };
}

const ENDING_WAIT_MS = 1_000;

interface Context {
  paths: DevnetPaths;
  resolve: (name: Program) => Promise<string>;
  /** By pod name, for processes that are children of this kit process. */
  endings: Map<string, Promise<Ending>>;
}

type Ending = { exitCode: number } | { signal: string };

/** How our own child ended; its `exit` event comes a moment after the process is gone. */
async function endingOf(context: Context, status: ComponentStatus): Promise<Ending | undefined> {
  const ending = status.podName === undefined ? undefined : context.endings.get(status.podName);
  if (!ending) return undefined;
  const enough = new AbortController();
  const nothing = (): undefined => undefined;
  try {
    return await Promise.race([ending, sleep(ENDING_WAIT_MS, enough.signal).then(nothing, nothing)]);
  } finally {
    enough.abort();
  }
}

/** Fills in the pid that a killed kit had no time to write. */
async function currentRecord(runDir: string, id: string): Promise<StartRecord | undefined> {
  const record = await readRecord(runDir, id);
  if (!record || record.pid !== undefined) return record;
  const live = liveProcess(record);
  return live ? { ...record, ...live } : record;
}

async function start(context: Context, spec: ComponentSpec, signal: AbortSignal): Promise<ComponentStatus> {
  const { paths } = context;
  const { runDir } = paths;
  const program = await context.resolve(spec.program);
  const digest = specDigest(spec, program);
  const previous = await currentRecord(runDir, spec.id);
  if (previous && liveProcess(previous)) {
    if (previous.specDigest === digest) {
      await writeRecord(runDir, previous);
      return statusOf(spec.id, previous);
    }
    await stopRecorded(previous, signal);
  }
  // children of a dead start, or a start nobody wrote down
  await killAll(findByEnvironment({ [TAG_DEVNET]: paths.dir, [TAG_COMPONENT]: spec.id }), signal);
  await prepareData(spec, signal);
  refuseTakenPorts(spec);
  signal.throwIfAborted();
  const logFile = componentLog(paths, spec.id);
  const record: StartRecord = {
    version: 1,
    id: spec.id,
    podName: `${paths.name}-${spec.id}-${randomBytes(4).toString('hex')}`,
    specDigest: digest,
    program,
    ports: spec.ports,
    needs: spec.needs.map((need) => need.component),
    stop: spec.stop,
    logFile,
    logOffset: await sizeOf(logFile),
    bootId: bootId(),
    startedAt: new Date().toISOString(),
  };
  await writeRecord(runDir, record);
  try {
    return statusOf(spec.id, await launchRecorded(context, spec, record));
  } catch (error) {
    if (!liveProcess(record)) await removeRecord(runDir, spec.id);
    throw error;
  }
}

async function stop({ paths, endings }: Context, id: string, signal: AbortSignal): Promise<void> {
  const record = await readRecord(paths.runDir, id);
  if (record) {
    endings.delete(record.podName); // how it ends now is not worth a note
    await stopRecorded(record, signal);
  }
  await removeRecord(paths.runDir, id);
}

/** anvil cannot write its state safely itself. */
async function preserve(spec: ComponentSpec): Promise<void> {
  const stateFile = spec.program === 'anvil' ? anvilStateFile(spec.argv) : undefined;
  if (stateFile !== undefined && existsSync(stateFile)) await backUpAnvilState(stateFile);
}

/** What a SIGKILL may have left of the program's own data. */
async function prepareData(spec: ComponentSpec, signal: AbortSignal): Promise<void> {
  if (spec.program === 'postgres') await clearStalePostmaster(spec.cwd, signal);
  const stateFile = spec.program === 'anvil' ? anvilStateFile(spec.argv) : undefined;
  if (stateFile !== undefined) await repairAnvilState(stateFile);
}

async function launchRecorded(context: Context, spec: ComponentSpec, record: StartRecord): Promise<StartRecord> {
  const { paths, endings } = context;
  const tags = { [TAG_DEVNET]: paths.dir, [TAG_COMPONENT]: spec.id, [TAG_POD]: record.podName };
  const child = await launch({ program: record.program, spec, tags, logFile: record.logFile });
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (exitCode, signal) =>
      resolve(exitCode === null ? { signal: signal ?? 'unknown' } : { exitCode }),
    );
  });
  endings.set(record.podName, ended);
  const pid = child.pid as number;
  // gone already: no start time matches, and no search by tag is needed
  const started = { ...record, pid, startTicks: readProcess(pid)?.startTicks ?? -1 };
  await writeRecord(paths.runDir, started);
  ended
    .then(async (ending) => {
      if (endings.has(record.podName)) await recordEnding(paths.runDir, record, ending);
    })
    .catch(() => {}); // a note for later commands; the folder may be gone by now
  return started;
}

/** Adds how it ended, unless another start or a stop came meanwhile. */
async function recordEnding(runDir: string, { id, podName }: StartRecord, ending: Ending): Promise<void> {
  if (!recordedIds(runDir).includes(id)) return; // the devnet was removed
  await withFileLock(recordLock(runDir, id), async () => {
    const now = await readRecord(runDir, id);
    if (now?.podName === podName) await writeRecord(runDir, { ...now, ...ending });
  });
}

function refuseTakenPorts(spec: ComponentSpec): void {
  const listening = listeningPorts();
  for (const { name, port } of spec.ports) {
    const holder = portHolder(port, listening);
    if (holder) throw portTaken(port, `${spec.id} ${name}`, describeHolder(holder));
  }
}

async function* componentLines(
  path: string,
  options: { follow: boolean; tail: number | undefined },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const from = options.tail === undefined ? 0 : await tailOffset(path, options.tail);
  yield* readLog(path, { from, follow: options.follow }, signal);
}

async function sweep(paths: DevnetPaths, signal: AbortSignal): Promise<string[]> {
  const tagged = findByEnvironment({ [TAG_DEVNET]: paths.dir }, [TAG_COMPONENT, TAG_POD]);
  await killAll(tagged, signal);
  return tagged.map(({ pid, name }) => `${name} (pid ${pid})`);
}
