/** How the two stages of a job (witness, proof) share cores and memory. Pure apart from promises. */
import type { Aggregation } from '../../protocol/ids.ts';

/** What may run at once. */
export interface ProverPlan {
  /** Proofs made side by side. */
  jobs: number;
  /** Threads of each while others run beside it. */
  threadsPerJob: number;
  /** Threads of a proof that is alone. */
  threadsAlone: number;
}

/** Peak memory of one proof: 96 MB for a base circuit of 2^16 gates; 0.9 GB and more for a circuit that verifies another proof. */
const PROOF_BYTES: Readonly<Record<Aggregation, number>> = { linked: 128 * 2 ** 20, recursive: 2 * 2 ** 30 };
/** The rest of the machine (servers, database, page cache) keeps this part of it. */
const MEMORY_SHARE = 0.6;

/** One-thread jobs side by side use cores best (10 % better than one job with all threads), as many as memory allows. */
export function planProver(machine: { cores: number; memoryBytes: number; aggregation: Aggregation }): ProverPlan {
  const fit = Math.floor((machine.memoryBytes * MEMORY_SHARE) / PROOF_BYTES[machine.aggregation]);
  const jobs = Math.max(1, Math.min(machine.cores, fit));
  return { jobs, threadsPerJob: Math.max(1, Math.floor(machine.cores / jobs)), threadsAlone: machine.cores };
}

/** Threads for the next proof: all, when nothing runs beside it and nothing is about to. */
export function threadsFor(plan: ProverPlan, load: { proving: number; behind: number }): number {
  return load.proving === 0 && load.behind === 0 ? plan.threadsAlone : plan.threadsPerJob;
}

/** Limits how many hold a place at once; those who wait get theirs in order. */
export interface Places {
  /** Takes a place; rejects with the signal's reason when aborted before one is free. */
  take(signal: AbortSignal): Promise<void>;
  give(): void;
}

/** `count` places. */
export function createPlaces(count: number): Places {
  let free = count;
  const waiting: (() => void)[] = [];
  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
        return;
      }
      await waitTurn(waiting, signal);
    },
    give() {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    },
  };
}

/** Items on their way from the witness threads to the prover, first in first out. */
export interface Handover<T> {
  put(item: T): void;
  /** The oldest item; rejects with the signal's reason when aborted before there is one. */
  take(signal: AbortSignal): Promise<T>;
  /** Everything nobody has taken. */
  drain(): T[];
  readonly size: number;
}

/** An empty hand-over. How much it may hold is the business of who puts (see `createPlaces`). */
export function createHandover<T>(): Handover<T> {
  const items: T[] = [];
  const waiting: (() => void)[] = [];
  return {
    put(item) {
      items.push(item);
      waiting.shift()?.();
    },
    async take(signal) {
      for (;;) {
        signal.throwIfAborted();
        const item = items.shift();
        if (item !== undefined) return item;
        await waitTurn(waiting, signal);
      }
    },
    drain: () => items.splice(0),
    get size() {
      return items.length;
    },
  };
}

function waitTurn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      const place = waiting.indexOf(turn);
      if (place >= 0) waiting.splice(place, 1);
      reject(signal.reason);
    };
    const turn = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    waiting.push(turn);
  });
}
