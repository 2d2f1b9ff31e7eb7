import Fastify, { type FastifyInstance } from 'fastify';

export type HealthStatus = 'not_ready' | 'ready' | 'affected' | 'shut_down';

/** State of one component as `/health` shows it. */
export interface ComponentHealth {
  status: HealthStatus;
  details?: Record<string, unknown>;
}

export interface Health {
  set(component: string, health: ComponentHealth): void;
  get(component: string): ComponentHealth | undefined;
  snapshot(): { status: HealthStatus; components: Record<string, ComponentHealth> };
}

/** Worst first. */
const ORDER: readonly HealthStatus[] = ['shut_down', 'not_ready', 'affected', 'ready'];

/** Every component starts as `not_ready`; the whole is as bad as its worst component. */
export function createHealth(components: readonly string[]): Health {
  const states = new Map<string, ComponentHealth>(components.map((name) => [name, { status: 'not_ready' }]));
  return {
    set: (component, health) => states.set(component, health),
    get: (component) => states.get(component),
    snapshot: () => {
      const present = new Set([...states.values()].map((state) => state.status));
      return {
        status: ORDER.find((status) => present.has(status)) ?? 'ready',
        components: Object.fromEntries([...states].sort(([a], [b]) => (a < b ? -1 : 1))),
      };
    },
  };
}

/** `GET /health`: 200 when every component works, even if one of them has trouble; 503 otherwise. */
export function healthServer(health: Health): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  app.get('/health', async (_request, reply) => {
    const snapshot = health.snapshot();
    const ok = snapshot.status === 'ready' || snapshot.status === 'affected';
    return reply.code(ok ? 200 : 503).send(snapshot);
  });
  return app;
}
