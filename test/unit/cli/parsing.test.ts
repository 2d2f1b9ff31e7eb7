import { describe, expect, test } from 'vitest';
import { resolveGlobals } from '../../../cli/commands/globals.ts';
import { devkit, parse } from './support.ts';

describe('optional booleans', () => {
  test.each([
    ['--start-containers', true],
    ['--start-containers=true', true],
    ['--start-containers=false', false],
    ['--start-containers false', false],
  ])('%s is %s', async (flag, expected) => {
    const { input } = await parse(`ecosystem create ${flag}`);
    expect(input['startContainers']).toBe(expected);
  });

  test('absent is undefined, so that it can be asked for', async () => {
    expect((await parse('ecosystem create')).input['startContainers']).toBeUndefined();
  });

  test('anything else is refused with what it takes', async () => {
    await expect(parse('ecosystem create --start-containers=maybe')).rejects.toThrow(
      '--start-containers takes true or false, not "maybe"',
    );
  });
});

describe('booleans that need a value', () => {
  test.each(['true', 'false'])('--dont-drop %s', async (value) => {
    expect((await parse(`prover init --dont-drop ${value}`)).input['dontDrop']).toBe(value === 'true');
  });

  test('without one they are refused', async () => {
    await expect(parse('prover init --use-default')).rejects.toThrow(/--use-default <true\|false>.* argument missing/);
  });

  test('short forms', async () => {
    const { input } = await parse('prover init -u true -d false');
    expect(input).toMatchObject({ useDefault: true, dontDrop: false });
  });
});

describe('values', () => {
  test('numbers are checked against their range', async () => {
    await expect(parse('prover run --component=circuit-prover -t 0')).rejects.toThrow(
      '--threads takes a whole number from 1 to 1024, not "0"',
    );
  });

  test('a choice suggests the nearest', async () => {
    await expect(parse('prover setup-keys --mode=generat')).rejects.toMatchObject({
      message: '--mode takes download, generate; not "generat"',
      hint: 'did you mean generate?',
    });
  });

  test('lists are comma separated or repeated', async () => {
    const { input } = await parse('server --components=api,tree --components eth');
    expect(input['components']).toEqual(['api', 'tree', 'eth']);
  });

  test('several batches after one -n', async () => {
    expect((await parse('prover-cli status batch -n 1 2 3')).input['batch']).toEqual([1, 2, 3]);
  });

  test('flags that exclude each other', async () => {
    await expect(parse('prover run --component=circuit-prover -t 4 -l 1 -h 1')).rejects.toThrow(
      '--threads and --light-wvg-count exclude each other',
    );
  });

  test('--no-genesis is a flag of its own, not a negation', async () => {
    expect((await parse('chain init -n')).input['noGenesis']).toBe(true);
    expect((await parse('chain init')).input['noGenesis']).toBe(false);
  });

  test('words after -- are passed through', async () => {
    expect((await parse('server --components=api -- --foo bar')).input['rest']).toEqual(['--foo', 'bar']);
  });
});

describe('names', () => {
  test.each([
    ['e create', 'ecosystem create'],
    ['c create', 'chain create'],
    ['p sk', 'prover setup-keys'],
    ['p ck', 'prover compressor-keys'],
    ['p cuda', 'prover init-bellman-cuda'],
    ['prover_cli stats', 'prover-cli stats'],
    ['prover-cli get-file-info -f x', 'prover-cli file-info'],
    ['server', 'server'],
    ['server wait', 'server wait'],
    ['chain init', 'chain init'],
    ['chain init configs', 'chain init configs'],
  ])('%s is %s', async (line, path) => {
    expect((await parse(line)).path.join(' ')).toBe(path);
  });

  test('-h of prover run is the count of heavy threads', async () => {
    const { input } = await parse('prover run --component=circuit-prover -l 2 -h 1');
    expect(input).toMatchObject({ lightWvgCount: 2, heavyWvgCount: 1 });
  });

  test('the spelling of the old docs is accepted with a notice', async () => {
    const { input, notices } = await parse(
      'prover run --component=circuit-prover --light_wvg_count 2 --heavy_wvg_count 1',
    );
    expect(input).toMatchObject({ lightWvgCount: 2, heavyWvgCount: 1 });
    expect(notices[0]).toBe('--light_wvg_count is an old spelling of --light-wvg-count');
  });

  test('-v of insert-version is the minor version', async () => {
    expect((await parse('prover-cli insert-batch -n 1 -v 31 -p 0')).input).toMatchObject({ version: 31, patch: 0 });
  });
});

describe('flags that upstream removed', () => {
  test('a harmless value is accepted with a notice', async () => {
    const { notices } = await parse('prover init --shall-save-to-public-bucket=false');
    expect(notices).toEqual(['--shall-save-to-public-bucket is ignored: upstream removed the public bucket (PR 3701)']);
  });

  test('another value is refused', async () => {
    await expect(parse('prover init --shall-save-to-public-bucket=true')).rejects.toMatchObject({
      code: 'USAGE',
      message: '--shall-save-to-public-bucket=true is not supported: upstream removed the public bucket (PR 3701)',
    });
  });
});

describe('prover-cli', () => {
  const url = 'postgres://postgres:pw@localhost:5432/db';

  test('database and attempts come before the command', async () => {
    const { input, path } = await parse(`prover-cli ${url} 5 status batch -n 7`);
    expect(path).toEqual(['prover-cli', 'status', 'batch']);
    expect(input).toMatchObject({ dbUrl: url, maxFailureAttempts: 5, batch: [7] });
  });

  test('both may be left out', async () => {
    expect((await parse('prover-cli stats')).input).toMatchObject({ dbUrl: undefined, maxFailureAttempts: undefined });
  });

  test('global flags may stand in front of them', async () => {
    const { input, globals } = await parse(`--json prover-cli --chain era ${url} stats`);
    expect(input['dbUrl']).toBe(url);
    expect(globals).toMatchObject({ json: true, chain: 'era' });
  });
});

describe('global flags', () => {
  test.each(['--json keys list', 'keys --json list', 'keys list --json'])('%s', async (line) => {
    expect((await parse(line)).globals['json']).toBe(true);
  });

  test('have twins in the environment; the command line wins', async () => {
    const env = { DEVKIT_CHAIN: 'a', DEVKIT_JSON: '1', DEVKIT_TIMEOUT: '90s' };
    expect(await resolveGlobals({ chain: 'b' }, env)).toMatchObject({ chain: 'b', json: true, timeoutMs: 90_000 });
  });

  test('a bad variable is named', async () => {
    await expect(resolveGlobals({}, { DEVKIT_YES: 'perhaps' })).rejects.toThrow('DEVKIT_YES takes 1 or 0');
  });

  test('a plain number of --timeout counts seconds', async () => {
    expect((await resolveGlobals({ timeout: '5' }, {})).timeoutMs).toBe(5000);
  });

  test('there are two runtimes', async () => {
    await expect(parse('status --runtime podman')).rejects.toThrow('--runtime takes process, docker; not "podman"');
  });
});

describe('what is not a command line', () => {
  test.each([
    ['frobnicate', "error: unknown command 'frobnicate'\n→ devkit --help\n"],
    ['statsu', "error: unknown command 'statsu' (did you mean status?)\n→ devkit --help\n"],
    ['keys lst', "error: unknown command 'keys lst' (did you mean list?)\n→ devkit keys --help\n"],
    [
      'prover run --compnent=gateway',
      "error: unknown option '--compnent=gateway' (did you mean --component?)\n→ devkit prover run --help\n",
    ],
    ['status --chian x', "error: unknown option '--chian' (did you mean --chain?)\n→ devkit status --help\n"],
    ['verify-batch', "error: missing required argument 'batch'\n→ devkit verify-batch --help\n"],
    ['keys', 'error: keys needs a command (list)\n→ devkit keys --help\n'],
  ])('devkit %s exits 2 and says what to do', async (line, stderr) => {
    expect(await devkit(line)).toEqual({ exitCode: 2, stdout: '', stderr });
  });
});
