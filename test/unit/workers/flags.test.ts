import { describe, expect, it } from 'vitest';
import {
  FlagError,
  parseCircuitProverFlags,
  parseCompressorFlags,
  parseWitnessGeneratorFlags,
} from '../../../systems/zksync/components/workers/flags.ts';

const PATHS = ['--config-path=g.yaml', '--secrets-path', 's.yaml'];

describe('witness generator flags', () => {
  it('takes one round by its name', () => {
    expect(parseWitnessGeneratorFlags([...PATHS, '--round=leaf_aggregation'])).toEqual({
      configPath: 'g.yaml',
      secretsPath: 's.yaml',
      rounds: [1],
      maxJobs: undefined,
    });
  });

  it('takes the hyphenated round names of zkstack', () => {
    expect(parseWitnessGeneratorFlags([...PATHS, '-r', 'recursion-tip']).rounds).toEqual([3]);
  });

  it('takes all rounds', () => {
    expect(parseWitnessGeneratorFlags([...PATHS, '--all_rounds', '-b', '2'])).toMatchObject({
      rounds: [0, 1, 2, 3, 4],
      maxJobs: 2,
    });
  });

  it('refuses neither and both of round and all_rounds', () => {
    expect(() => parseWitnessGeneratorFlags(PATHS)).toThrow('either --round=<name> or --all_rounds');
    expect(() => parseWitnessGeneratorFlags([...PATHS, '--all_rounds', '--round=scheduler'])).toThrow(FlagError);
  });

  it('names the rounds when it does not know one', () => {
    expect(() => parseWitnessGeneratorFlags([...PATHS, '--round=basic'])).toThrow(
      '--round takes one of basic_circuits, leaf_aggregation, node_aggregation, recursion_tip, scheduler, not "basic"',
    );
  });

  it('refuses an unknown flag and a missing path', () => {
    expect(() => parseWitnessGeneratorFlags([...PATHS, '--all-rounds'])).toThrow(/all-rounds/);
    expect(() => parseWitnessGeneratorFlags(['--config-path=a', '--all_rounds'])).toThrow(
      '--secrets-path=<file> is needed',
    );
  });
});

describe('circuit prover flags', () => {
  it('uses one light and one heavy thread by default', () => {
    expect(parseCircuitProverFlags(PATHS).pickers).toEqual({ kind: 'split', light: 1, heavy: 1 });
  });

  it('picks in plain order with --threads', () => {
    expect(parseCircuitProverFlags([...PATHS, '-t', '3']).pickers).toEqual({ kind: 'next', threads: 3 });
  });

  it('takes both counts by their short names', () => {
    expect(parseCircuitProverFlags([...PATHS, '-l', '2', '-h', '0']).pickers).toEqual({
      kind: 'split',
      light: 2,
      heavy: 0,
    });
  });

  it('refuses threads together with counts, and no thread at all', () => {
    expect(() => parseCircuitProverFlags([...PATHS, '--threads=1', '--light-wvg-count=1'])).toThrow(
      'cannot be combined',
    );
    expect(() => parseCircuitProverFlags([...PATHS, '-l', '0', '-h', '0'])).toThrow('nothing would be proved');
    expect(() => parseCircuitProverFlags([...PATHS, '--threads=0'])).toThrow('at least 1, not "0"');
  });

  it('accepts an allocation limit', () => {
    expect(parseCircuitProverFlags([...PATHS, '--max-allocation=1000000']).maxAllocation).toBe(1_000_000);
  });
});

describe('compressor flags', () => {
  it('reads fflonk as a value', () => {
    expect(parseCompressorFlags([...PATHS, '--fflonk=true', '-n', '1'])).toMatchObject({ fflonk: true, maxJobs: 1 });
    expect(parseCompressorFlags(PATHS).fflonk).toBe(false);
    expect(() => parseCompressorFlags([...PATHS, '--fflonk=yes'])).toThrow('takes true or false, not "yes"');
  });
});
