/** What the engine answers, read: errors, log frames, measurements. */
import { expect, test } from 'vitest';
import { DevkitError } from '../../../cli/core/errors.ts';
import { daemonText, takenPort, translateError } from '../../../cli/runtimes/docker/errors.ts';
import { timedLines, unixTime } from '../../../cli/runtimes/docker/log-lines.ts';
import { usageFromStats } from '../../../cli/runtimes/docker/usage.ts';
import { isEngineGone } from '../../../cli/runtimes/runtime.ts';

const about = { host: 'unix:///var/run/docker.sock', action: 'create the network n' };
const said = (statusCode: number, message: string): Error =>
  Object.assign(new Error(`(HTTP code ${statusCode}) server error - ${message} `), { statusCode, json: { message } });
const translated = (error: unknown, more = {}): DevkitError =>
  translateError(error, { ...about, ...more }) as DevkitError;

test.each([
  ['listen tcp4 127.0.0.1:39999: bind: address already in use', 39_999],
  ['Bind for 127.0.0.1:3322 failed: port is already allocated', 3322],
  ['failed to bind host port for 127.0.0.1:8080:172.18.0.2:80/tcp: address already in use', 8080],
  ['failed to bind host port 127.0.0.1:5432/tcp: address already in use', 5432],
  ['something else at 127.0.0.1:1', undefined],
])('the taken port in: %s', (message, port) => {
  expect(takenPort(said(500, message))).toBe(port);
});

test('what the daemon said is found with and without a body', () => {
  expect(daemonText(said(500, 'it broke'))).toBe('it broke');
  expect(daemonText(new Error('(HTTP code 404) no such container - No such container: x '))).toBe(
    'No such container: x',
  );
});

test.each(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'])('%s means that the engine is gone', (code) => {
  const error = translated(Object.assign(new Error('connect'), { code }));
  expect(isEngineGone(error)).toBe(true);
  expect(error.hint).toBe('start it: systemctl start docker');
});

test('the engine of scripts/docker-engine is started again by it', () => {
  const error = translated(new Error('socket hang up'), { host: 'unix:///var/lib/devkit-docker/docker.sock' });
  expect(error.hint).toBe('start it: scripts/docker-engine start');
});

test.each([
  ['write /x: no space left on device', 'Docker cannot create the network n: its disk is full'],
  [
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    'Docker cannot create the network n: it has no address range left for a network',
  ],
  ['iptables: No chain/target/match by that name.', 'Docker cannot create the network n: its firewall rules are gone'],
  [
    'driver "overlay2" failed to remove root filesystem: unlinkat /x/merged: device or resource busy',
    'Docker cannot create the network n: its files are still mounted, as after a crash of Docker',
  ],
  ['something new', 'Docker cannot create the network n: something new'],
])('%s', (message, says) => {
  expect([translated(said(500, message)).code, translated(said(500, message)).message]).toEqual(['HOST_UNFIT', says]);
});

test('errors of the kit and bugs of ours pass as they are', () => {
  const own = new DevkitError('USAGE', 'x');
  const bug = new TypeError('y');
  expect([translateError(own, about), translateError(bug, about)]).toEqual([own, bug]);
});

const AT = '2026-01-01T00:00:00.000000001Z';

function frame(source: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = source;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

test.each([1, 7, 10_000])(
  'log frames in pieces of %i bytes are lines; parts of long lines are joined',
  async (size) => {
    const stream = Buffer.concat([
      frame(1, `${AT} one\n`),
      frame(1, `${AT} lo`),
      frame(2, `${AT} of stderr\n`),
      frame(1, `${AT} ng é\n`),
      frame(1, `${AT} \n`),
      frame(2, `${AT} cut off`),
    ]);
    const lines: string[] = [];
    for await (const { at, line } of timedLines(inPieces(stream, size))) {
      expect(at).toBe(AT);
      lines.push(line);
    }
    expect(lines).toEqual(['one', 'of stderr', 'long é', '', 'cut off']);
  },
);

test('times are passed on to the nanosecond', () => {
  expect(unixTime('2026-01-01T00:00:00.123456789Z')).toBe('1767225600.123456789');
  expect(unixTime('2026-01-01T00:00:00.5Z')).toBe('1767225600.500000000');
  expect(unixTime('2026-01-01T00:00:00Z')).toBe('1767225600.000000000');
});

test('memory of a container is what it uses less what is only cached files', () => {
  expect(
    usageFromStats({
      memory_stats: { usage: 500, stats: { total_inactive_file: 200, inactive_file: 1 } },
      cpu_stats: { cpu_usage: { total_usage: 2_500_000 } },
      pids_stats: { current: 3 },
    }),
  ).toEqual({ rssBytes: 300, pssBytes: undefined, cpuMs: 3, processes: 3 });
});
