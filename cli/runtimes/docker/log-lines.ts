/** The engine's log stream: frames of 8 bytes header and payload, one payload per line or part of a long line. */

export interface TimedLine {
  /** As the engine writes it, nanoseconds: `2026-01-01T00:00:00.000000000Z`. Compares as text. */
  at: string;
  line: string;
}

const HEADER_BYTES = 8;
const NEWLINE = 10;

interface Part {
  at: string;
  bytes: Buffer[];
}

/** Lines of a stream that was asked for with `timestamps`, stdout and stderr as they come. */
export async function* timedLines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<TimedLine> {
  const open = new Map<number, Part>();
  for await (const { source, payload } of frames(stream)) {
    const space = payload.indexOf(' ');
    const at = payload.subarray(0, space).toString('latin1');
    const content = payload.subarray(space + 1);
    const part = open.get(source) ?? { at, bytes: [] };
    if (content.at(-1) !== NEWLINE) {
      part.bytes.push(content);
      open.set(source, part);
      continue;
    }
    open.delete(source);
    yield { at, line: Buffer.concat([...part.bytes, content.subarray(0, -1)]).toString('utf8') };
  }
  for (const { at, bytes } of open.values()) yield { at, line: Buffer.concat(bytes).toString('utf8') };
}

async function* frames(stream: AsyncIterable<Buffer | string>): AsyncGenerator<{ source: number; payload: Buffer }> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk]);
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield { source: rest[0] as number, payload: rest.subarray(HEADER_BYTES, end) };
      rest = rest.subarray(end);
    }
  }
}

/** What the engine wants for `since` and `until`: seconds and nanoseconds of an RFC 3339 time. */
export function unixTime(at: string): string {
  const [, seconds = at, fraction = ''] = /^(.*?:\d\d)(?:\.(\d+))?Z$/.exec(at) ?? [];
  return `${Date.parse(`${seconds}Z`) / 1000}.${fraction.padEnd(9, '0')}`;
}
