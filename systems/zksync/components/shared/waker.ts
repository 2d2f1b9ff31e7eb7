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
  const state: { client: Client | undefined; closed: boolean; timer: NodeJS.Timeout | undefined; delayMs: number } = {
    client: undefined,
    closed: false,
    timer: undefined,
    delayMs: RECONNECT_MS.first,
  };
  const fire = (payload?: string): void => {
    for (const subscriber of subscribers) {
      if (payload !== undefined && subscriber.payloads?.has(payload) === false) continue;
      subscriber.pending = true;
      subscriber.wake?.();
    }
  };
  const connect = async (): Promise<void> => {
    const client = new Client({ connectionString: pgUrl, application_name: 'devkit-waker', keepAlive: true });
    const lost = (): void => {
      if (state.client === client) state.client = undefined;
      client.removeAllListeners('notification');
      client.end().catch(() => undefined);
      if (state.closed || state.timer !== undefined) return;
      state.timer = setTimeout(() => {
        state.timer = undefined;
        void connect();
      }, state.delayMs);
      state.delayMs = Math.min(state.delayMs * 2, RECONNECT_MS.max);
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => fire(payload));
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch {
      lost();
      return;
    }
    if (state.closed) return void client.end().catch(() => undefined);
    state.client = client;
    state.delayMs = RECONNECT_MS.first;
    fire(); // something may have been missed meanwhile
  };
  if (enabled) void connect();
  const own = subscription(subscribers);
  return {
    ...own,
    get connected() {
      return state.client !== undefined;
    },
    subscribe: (payloads) => subscription(subscribers, payloads),
    [Symbol.asyncDispose]: async () => {
      state.closed = true;
      clearTimeout(state.timer);
      await state.client?.end().catch(() => undefined);
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
