import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ComposeService, composeFile, composeYaml, mapStrings } from '../../../cli/core/compose.ts';
import { NASTY, OPTIONS, spec } from './specs.ts';

const serviceOf = (one: ReturnType<typeof spec>, options = OPTIONS): ComposeService => {
  const service = composeFile([one], options).services[one.id];
  if (!service) throw new Error(`no service ${one.id}`);
  return service;
};

test('a hardened component on the network of the devnet', () => {
  const form = {
    cwd: '/',
    user: '10:20',
    env: { LEVEL: 'debug' },
    mounts: [
      { source: 'data', target: '/var/lib/data' },
      { source: '/home/me/configs', target: '/configs', readOnly: true },
    ],
    limits: { memoryMiB: 512, cpus: 1.5, pids: 100 },
  };
  const file = composeFile([spec('gateway', form, { env: { TZ: 'UTC', LEVEL: 'info' } })], OPTIONS);
  expect(composeYaml(file, ['for a test'])).toMatchInlineSnapshot(`
    "# for a test

    name: devkit-default-abcdef
    services:
      gateway:
        image: devkit/app:0123456789ab
        pull_policy: never
        command: [main.ts]
        working_dir: /
        user: '10:20'
        environment:
          TZ: UTC
          LEVEL: debug
          POD_NAME: gateway-a1d3346d
        networks:
          devnet:
            aliases: [gateway]
        extra_hosts: [host.docker.internal:host-gateway]
        ports: ['127.0.0.1:4000:4000']
        volumes:
          - type: volume
            source: data
            target: /var/lib/data
          - type: bind
            source: /home/me/configs
            target: /configs
            read_only: true
            bind:
              create_host_path: false
        healthcheck:
          test: [CMD, node, /devkit/health.mjs, http, http://127.0.0.1:4000/]
          interval: '1s'
          timeout: '5s'
          retries: 5
          start_period: '60s'
        read_only: true
        tmpfs: ["/tmp:rw,nosuid,nodev,exec,mode=1777"]
        cap_drop: [ALL]
        security_opt: [no-new-privileges]
        mem_limit: '512m'
        memswap_limit: '512m'
        cpus: 1.5
        pids_limit: 100
        init: true
        stop_signal: SIGTERM
        stop_grace_period: '90s'
        restart: on-failure:3
        logging:
          driver: json-file
          options:
            max-size: '10m'
            max-file: '3'
        labels:
          devkit.devnet: default
          devkit.compose: '1'
    networks:
      devnet:
        labels:
          devkit.devnet: default
          devkit.compose: '1'
    volumes:
      data:
        external: true
        name: devkit-default-abcdef-data
    "
  `);
});

test('needs become conditions: healthy where readiness is asked for, started otherwise; needs outside the file are left out', () => {
  const needs = [
    { component: 'db', condition: 'ready' as const },
    { component: 'log', condition: 'started' as const },
    { component: 'foreign', condition: 'ready' as const },
    { component: 'elsewhere', condition: 'ready' as const },
  ];
  const foreign = spec('foreign', { image: { reference: 'example.org/foreign:1' } });
  const file = composeFile([spec('db'), spec('log'), foreign, spec('app', {}, { needs })], OPTIONS);
  expect(file.services['app']?.depends_on).toEqual({
    db: { condition: 'service_healthy' },
    log: { condition: 'service_started' },
    // its image lacks the health program
    foreign: { condition: 'service_started' },
  });
  expect(file.services['db']).not.toHaveProperty('depends_on');
});

test("another project's image is taken as it is: no health check of ours, pulled when missing", () => {
  const service = serviceOf(spec('prover', { image: { reference: 'example.org/prover:2' }, hardened: false }));
  expect(service.image).toBe('example.org/prover:2');
  for (const key of ['pull_policy', 'healthcheck', 'read_only', 'cap_drop', 'tmpfs', 'pids_limit']) {
    expect(service).not.toHaveProperty(key);
  }
});

test("on the machine's network nothing is published and no alias given", () => {
  const file = composeFile([spec('gateway', { network: 'host' })], OPTIONS);
  expect(file.services['gateway']).toMatchObject({ network_mode: 'host' });
  for (const key of ['ports', 'networks', 'extra_hosts']) expect(file.services['gateway']).not.toHaveProperty(key);
  expect(file.networks).toEqual({});
});

test.each([
  ['all', undefined, { driver: 'nvidia', count: 'all', capabilities: ['gpu'] }],
  [['GPU-1', 'GPU-2'], undefined, { driver: 'nvidia', device_ids: ['GPU-1', 'GPU-2'], capabilities: ['gpu'] }],
  [['GPU-1'], 'cdi', { driver: 'cdi', device_ids: ['nvidia.com/gpu=GPU-1'], capabilities: ['gpu'] }],
] as const)('GPUs %j by %s', (gpus, gpuMethod, devices) => {
  const service = serviceOf(spec('prover', { gpus }), { ...OPTIONS, ...(gpuMethod ? { gpuMethod } : {}) });
  expect(service.deploy?.resources.reservations.devices).toEqual([devices]);
});

test('no GPUs at all is no reservation', () => {
  expect(serviceOf(spec('prover', { gpus: [] }))).not.toHaveProperty('deploy');
});

test('a worker keeps its name over restarts, and no two have the same', () => {
  const names = (project: string): (string | undefined)[] =>
    Object.values(composeFile([spec('a'), spec('b')], { ...OPTIONS, project }).services).map(
      ({ environment }) => environment['POD_NAME'],
    );
  expect(names('one')).toEqual(names('one'));
  expect(names('one')).toEqual([expect.stringMatching(/^a-[0-9a-f]{8}$/), expect.stringMatching(/^b-[0-9a-f]{8}$/)]);
  expect(new Set([...names('one'), ...names('two')]).size).toBe(4);
});

test('volumes are the ones of the devnet, each named once', () => {
  const mounts = [{ source: 'data', target: '/data' }];
  const { volumes } = composeFile([spec('a', { mounts }), spec('b', { mounts })], OPTIONS);
  expect(volumes).toEqual({ data: { external: true, name: 'devkit-default-abcdef-data' } });
});

test('what the caller forgot is named', () => {
  const { container: _, ...bare } = spec('bare');
  expect(() => composeFile([bare], OPTIONS)).toThrow('bare has no container form');
  expect(() => composeFile([spec('a', { image: { local: 'x' } })], OPTIONS)).toThrow("no name for 'x'");
  expect(() => composeFile([spec('a', { mounts: [{ source: 'y', target: '/y' }] })], OPTIONS)).toThrow("'y'");
});

test.each(['1.1', '1.2'] as const)('every text comes back from the file as it was (YAML %s)', (version) => {
  const environment = Object.fromEntries(NASTY.map((text, i) => [`V${i}`, text]));
  const one = spec('a', { argv: NASTY, env: environment });
  const text = composeYaml(composeFile([one], OPTIONS), ['comment']);
  const unescaped = mapStrings(parse(text, { version }), (value) => value.replaceAll('$$', '$'));
  expect(unescaped.services.a.command).toEqual(NASTY);
  expect(unescaped.services.a.environment).toMatchObject(environment);
});

test('no variable of Compose is left in it', () => {
  const one = spec('a', { argv: NASTY, mounts: [{ source: '/a/$b', target: '/$c' }], user: '$u' });
  const text = composeYaml(composeFile([one], { ...OPTIONS, devnet: '$d' }), []);
  expect(text.replaceAll('$$', '')).not.toContain('$');
});

test('whole seconds and fractions', () => {
  const service = serviceOf(spec('a', {}, { stop: { signal: 'SIGINT', graceMs: 1_500 } }), {
    ...OPTIONS,
    healthIntervalMs: 250,
  });
  expect([service.stop_grace_period, service.stop_signal]).toEqual(['1500ms', 'SIGINT']);
  expect(service.healthcheck?.interval).toBe('250ms');
});
