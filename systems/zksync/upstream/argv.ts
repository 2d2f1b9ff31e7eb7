/** Arguments of upstream's programs, in the order and spelling that zkstack passes them. */

export interface UpstreamFlagValues {
  /** One round in the program's spelling (`basic_circuits`); absent: all. */
  round?: string | undefined;
  threads?: number | undefined;
  lightWvgCount?: number | undefined;
  heavyWvgCount?: number | undefined;
  /** Bytes of GPU memory. */
  maxAllocation?: number | undefined;
  fflonk?: boolean | undefined;
}

/** A flag as it is written, from the value it stands for. Without a value it is left out, unless `otherwise` says what is written then. */
export interface UpstreamFlag {
  flag: string;
  value: keyof UpstreamFlagValues;
  otherwise?: string;
}

const flag = (name: string, value: keyof UpstreamFlagValues, otherwise?: string): UpstreamFlag => ({
  flag: name,
  value,
  ...(otherwise === undefined ? {} : { otherwise }),
});

export const UPSTREAM_FLAGS = {
  // the underscore is upstream's
  'witness-generator': [flag('--round', 'round', '--all_rounds')],
  'witness-vector-generator': [flag('--threads', 'threads', '--threads=1')],
  prover: [flag('--max-allocation', 'maxAllocation')],
  'circuit-prover': [
    flag('--threads', 'threads'),
    flag('--light-wvg-count', 'lightWvgCount'),
    flag('--heavy-wvg-count', 'heavyWvgCount'),
    flag('--max-allocation', 'maxAllocation'),
  ],
  compressor: [flag('--fflonk', 'fflonk')],
} as const satisfies Record<string, readonly UpstreamFlag[]>;

/** Own flags of a program. */
export function ownArguments(flags: readonly UpstreamFlag[], values: UpstreamFlagValues): string[] {
  return flags.flatMap(({ flag: name, value, otherwise }) => {
    const given = values[value];
    if (given === undefined || given === false) return otherwise === undefined ? [] : [otherwise];
    return [`${name}=${given}`];
  });
}

/** What every prover program gets first. `file` says where a configuration file is. */
export const proverFiles = (file: (name: string) => string): string[] => [
  `--config-path=${file('general.yaml')}`,
  `--secrets-path=${file('secrets.yaml')}`,
];

/** zkstack's order for the server. */
export const serverFiles = (file: (name: string) => string): string[] => [
  `--genesis-path=${file('genesis.yaml')}`,
  `--config-path=${file('general.yaml')}`,
  `--wallets-path=${file('wallets.yaml')}`,
  `--secrets-path=${file('secrets.yaml')}`,
  `--contracts-config-path=${file('contracts.yaml')}`,
];
