/** Images of other projects: from the registry, when they are not on this machine. */
import { DevkitError } from '../../core/errors.ts';
import type { EventSink } from '../../core/events.ts';
import type { Engine } from './engine.ts';
import { daemonText, engineCall, isMissing, translateError } from './errors.ts';

export interface PullOptions {
  emit: EventSink;
  signal: AbortSignal;
}

/** What is here is not asked for again, also not `latest`. @throws DevkitError NOT_FOUND naming the image and why the registry did not give it */
export async function pullMissing(engine: Engine, references: readonly string[], options: PullOptions): Promise<void> {
  for (const reference of references) {
    options.signal.throwIfAborted();
    if (!(await isHere(engine, reference))) await pull(engine, reference, options);
  }
}

async function isHere({ docker, host }: Engine, reference: string): Promise<boolean> {
  return engineCall({ host, action: `look for the image ${reference}` }, async () => {
    try {
      await docker.getImage(reference).inspect();
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  });
}

async function pull(engine: Engine, reference: string, { emit, signal }: PullOptions): Promise<void> {
  emit({ type: 'notice', message: `${reference} is not on this machine: pulling it` });
  try {
    const stream = (await engine.docker.pull(reference, { abortSignal: signal })) as NodeJS.ReadableStream;
    await new Promise<void>((resolve, reject) => {
      const log = pullLog(reference, emit);
      engine.docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()), log);
    });
  } catch (error) {
    signal.throwIfAborted();
    throw pullError(engine, reference, error);
  }
}

interface PullLine {
  status?: string;
  id?: string;
}

/** One line for each layer that is done; progress within a layer is left out. */
function pullLog(reference: string, emit: EventSink): (line: PullLine) => void {
  return ({ status, id }) => {
    if (status !== 'Pull complete' && status !== 'Already exists') return;
    emit({ type: 'log', component: 'pull', line: `${reference}: ${id ?? ''} ${status.toLowerCase()}` });
  };
}

const NO_REGISTRY =
  /no such host|dial tcp|i\/o timeout|connection refused|network is unreachable|TLS handshake timeout/i;
const NOT_THERE =
  /manifest( for .*)? (unknown|not found)|repository does not exist|pull access denied|unauthorized|denied/i;

function pullError({ host }: Engine, reference: string, error: unknown): unknown {
  const text = daemonText(error);
  const reason = NO_REGISTRY.test(text)
    ? 'its registry cannot be reached'
    : NOT_THERE.test(text)
      ? 'its registry does not have it, or not for everybody'
      : undefined;
  if (reason === undefined) return translateError(error, { host, action: `pull ${reference}` });
  return new DevkitError('NOT_FOUND', `the image ${reference} is not on this machine, and ${reason}`, {
    hint: `docker load < image.tar   (from a machine that has it), or another one: images: in devkit.yaml, --tag`,
    details: { image: reference, said: text },
    cause: error,
  });
}
