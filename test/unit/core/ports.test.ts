import { expect, test } from 'vitest';
import { DevkitError } from '../../../cli/core/errors.ts';
import { allocatePorts } from '../../../cli/core/ports.ts';

const defaults = { api: 3050, gateway: 3322, postgres: 5432 };
const held =
  (...ports: number[]) =>
  (port: number) =>
    ports.includes(port) ? 'nginx (pid 7)' : undefined;

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof DevkitError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
};

test('free defaults are used as they are, without a word', () => {
  expect(allocatePorts({ defaults, holderOf: held() })).toEqual({ ports: defaults, shift: 0 });
});

test('one taken port moves the whole block, and the notice says why', () => {
  expect(allocatePorts({ defaults, holderOf: held(5432, 3150) })).toEqual({
    ports: { api: 3250, gateway: 3522, postgres: 5632 },
    shift: 200,
    notice: 'port 5432 (postgres) is in use by nginx (pid 7): all default ports are moved up by 200',
  });
});

test('an explicit port stays where it is while the block moves', () => {
  const allocation = allocatePorts({ defaults, explicit: { postgres: 7000 }, holderOf: held(3050) });
  expect(allocation.ports).toEqual({ api: 3150, gateway: 3422, postgres: 7000 });
});

test('an explicit port that is taken names the holder', () => {
  expect(codeOf(() => allocatePorts({ defaults, explicit: { api: 8080 }, holderOf: held(8080) }))).toBe(
    'PORT_TAKEN: port 8080 (api) is in use by nginx (pid 7)',
  );
});

test('a default may not be an explicit port of the same devnet', () => {
  const { ports } = allocatePorts({ defaults, explicit: { api: 3322 }, holderOf: held() });
  expect(ports).toEqual({ api: 3322, gateway: 3422, postgres: 5532 });
});

test.each([0, 65_536, 1.5])('%d is not a port', (port) => {
  expect(codeOf(() => allocatePorts({ defaults, explicit: { api: port }, holderOf: held() }))).toMatch(/^USAGE/);
});

test('one port cannot be asked for twice', () => {
  expect(codeOf(() => allocatePorts({ defaults, explicit: { api: 1000, gateway: 1000 }, holderOf: held() }))).toBe(
    'USAGE: port 1000 is asked for twice: api and gateway',
  );
});

test('no free block at all is an error', () => {
  expect(codeOf(() => allocatePorts({ defaults, holderOf: () => 'x' }))).toMatch(/^PORT_TAKEN: no free block/);
});
