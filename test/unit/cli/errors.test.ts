import { describe, expect, test } from 'vitest';
import { DevkitError, ERROR_CODES, EXIT } from '../../../cli/core/errors.ts';
import { reportError } from '../../../cli/output/errors.ts';

const plain = { json: false, verbose: false };

test('an error of the user is one line and the next command', () => {
  const error = new DevkitError('NOT_FOUND', 'there is no chain x', { hint: 'devkit chain create' });
  expect(reportError(error, plain)).toEqual({
    exitCode: 2,
    text: 'error: there is no chain x\n→ devkit chain create\n',
  });
});

test('with --json it is one JSON line', () => {
  const { text } = reportError(new DevkitError('TIMED_OUT', 'late', { hint: 'again' }), { json: true, verbose: false });
  expect(JSON.parse(text)).toEqual({
    schemaVersion: 1,
    error: { code: 'TIMED_OUT', exitCode: 6, message: 'late', hint: 'again' },
  });
});

test('anything else is a bug: stack, exit code 1, where to report', () => {
  const { exitCode, text } = reportError(new TypeError('x is not a function'), plain);
  expect(exitCode).toBe(1);
  expect(text).toContain('TypeError: x is not a function\n    at ');
  expect(text).toContain('this is a bug in devkit');
});

test('the reason of an abort wins over the error that wraps it', () => {
  const reason = new DevkitError('INTERRUPTED', 'stopped by Ctrl-C');
  expect(reportError(new Error('aborted', { cause: reason }), plain).exitCode).toBe(130);
});

test('SIGTERM has its own exit code', () => {
  const reason = new DevkitError('INTERRUPTED', 'stopped', { details: { signal: 'SIGTERM' } });
  expect(reportError(reason, plain).exitCode).toBe(143);
});

describe('errors of layers that do not know DevkitError', () => {
  const named = (name: string): Error => Object.assign(new Error('what happened\nand more'), { name });

  test.each([
    ['ConfigError', EXIT.usage],
    ['UnsafeL1Error', EXIT.usage],
    ['SolcMissingError', EXIT.host],
    ['FinalProofError', EXIT.rejected],
  ])('%s exits %i', (name, exitCode) => {
    expect(reportError(named(name), plain)).toMatchObject({
      exitCode,
      text: expect.stringContaining('error: what happened\n'),
    });
  });

  test('a full disk is a matter of the machine', () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    expect(reportError(error, plain).exitCode).toBe(EXIT.host);
  });

  test('several that are all known are reported together', () => {
    const parts = [new DevkitError('COMPONENT_FAILED', 'a failed'), new DevkitError('COMPONENT_FAILED', 'b failed')];
    expect(reportError(new AggregateError(parts), plain)).toMatchObject({
      exitCode: EXIT.component,
      text: 'error: a failed; b failed\n',
    });
  });

  test('one unknown among several makes it a bug', () => {
    const parts = [new DevkitError('COMPONENT_FAILED', 'a failed'), new Error('?')];
    expect(reportError(new AggregateError(parts), plain).exitCode).toBe(EXIT.bug);
  });
});

test('every error code has an exit code of the table', () => {
  const codes = new Set<number>(Object.values(EXIT));
  expect(Object.values(ERROR_CODES).every(({ exit }) => codes.has(exit))).toBe(true);
});
