/** Waking up on database notifications. A lost connection only means that waiting takes its full time. */
import { Client } from 'pg';

/** Waits of one loop. A notification that came since its last wait ends the next one at once. */
export interface Subscription {
  /** True when woken, false when the time was up. Rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export interface Waker extends Subscription, AsyncDisposable {
  /** Notifications arrive (false while the connection is being made again). */
  readonly connected: boolean;
  /** A further, independent subscription; with `payloads` only for those. */
  subscribe(payloads?: readonly string[]): Subscription;
}

interface Subscriber {
  payloads: ReadonlySet<string> | undefined;
  pending: boolean;
  wake: (() => void) | undefined;
}

const RECONNECT_MS = { first: 100, max: 5_000 } as const;

/** Listens on a connection of its own; returns at once, also when the database is not there yet. `enabled: false`: never wakes. */
export function openWaker(pgUrl: string, channel: string, { enabled = true }: { enabled?: boolean } = {}): Waker {
  const subscribers = new Set<Subscriber>();
  const listener = enabled ? keepListening(pgUrl, channel, (payload) => wakeAll(subscribers, payload)) : undefined;
  return {
    ...subscription(subscribers),
    get connected() {
      return listener?.connected() ?? false;
    },
    subscribe: (payloads) => subscription(subscribers, payloads),
    [Symbol.asyncDispose]: async () => listener?.close(),
  };
}

/** Without a payload: something may have been missed, so everybody. */
function wakeAll(subscribers: ReadonlySet<Subscriber>, payload: string | undefined): void {
  for (const subscriber of subscribers) {
    if (payload !== undefined && subscriber.payloads?.has(payload) === false) continue;
    subscriber.pending = true;
    subscriber.wake?.();
  }
}

interface Listener {
  connected(): boolean;
  close(): Promise<void>;
}

/** Connects and listens, again after every loss. `heard(undefined)`: newly connected. */
function keepListening(pgUrl: string, channel: string, heard: (payload: string | undefined) => void): Listener {
  let current: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let delayMs: number = RECONNECT_MS.first;
  const lost = (client: Client): void => {
    if (current === client) current = undefined;
    client.removeAllListeners('notification');
    client.end().catch(() => undefined);
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => void connect(), delayMs);
    delayMs = Math.min(delayMs * 2, RECONNECT_MS.max);
  };
  const connect = async (): Promise<void> => {
    timer = undefined;
    const client = new Client({ connectionString: pgUrl, application_name: 'devkit-waker', keepAlive: true });
    client.on('error', () => lost(client));
    client.on('end', () => lost(client));
    client.on('notification', ({ payload }) => heard(payload));
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch {
      return lost(client);
    }
    if (closed) return void client.end().catch(() => undefined);
    current = client;
    delayMs = RECONNECT_MS.first;
    heard(undefined);
  };
  void connect();
  return {
    connected: () => current !== undefined,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await current?.end().catch(() => undefined);
    },
  };
}

function subscription(subscribers: Set<Subscriber>, payloads?: readonly string[]): Subscription {
  const subscriber: Subscriber = { payloads: payloads && new Set(payloads), pending: false, wake: undefined };
  subscribers.add(subscriber);
  return {
    wait: (ms, signal) => waitFor(subscriber, ms, signal),
    close: () => void subscribers.delete(subscriber),
  };
}

function waitFor(subscriber: Subscriber, ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const done = (finish: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      subscriber.wake = undefined;
      finish();
    };
    const woken = (): void => {
      subscriber.pending = false;
      done(() => resolve(true));
    };
    const onAbort = (): void => done(() => reject(signal.reason));
    const timer = setTimeout(() => done(() => resolve(false)), ms);
    if (signal.aborted) return onAbort();
    if (subscriber.pending) return woken();
    subscriber.wake = woken;
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
