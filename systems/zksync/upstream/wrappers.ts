/** Verification key hashes of the wrapper proof by protocol version: `prover/data/historical_data`, and the release's commitments.json. */

export interface Wrappers {
  /** `0x` and 64 lower-case hex digits. */
  snark: string;
  /** Null before FFLONK (0.27). */
  fflonk: string | null;
}

const V24_0 = '0x1e2d8304351d4667f0e13b0c51b30538f4dc6ece2c457babd03a9f3a1ec523b3';
const V24_1 = '0x14f97b81e54b35fe673d8708cc1a19e1ea5b5e348e12d31e39824ed4f42bbca2';

export const KNOWN_WRAPPERS: Readonly<Record<string, Wrappers>> = {
  '0.24.0': { snark: V24_0, fflonk: null },
  '0.24.1': { snark: V24_1, fflonk: null },
  '0.24.2': { snark: V24_1, fflonk: null },
  '0.25.0': { snark: V24_1, fflonk: null },
  '0.26.0': { snark: V24_1, fflonk: null },
  '0.27.0': { snark: V24_1, fflonk: '0x560b19cfd6bcf1049c6409c18d81db288ab7639db080ed3b48df17ddfbcc4666' },
  '0.28.0': {
    snark: '0xd90459c5b727b9ceeb2b6192d2953dbf05970edf090333b3ad3bcac1a1442b78',
    fflonk: '0x17e8d7931f1314431359233e65c22657a32c335205e3c24ce292c5819becfaa7',
  },
  // prover/data/keys/commitments.json of commit 3e29e4a08d
  '0.31.0': {
    snark: '0xb2f50340e0edbe49dc657d4eb298e07f13860c1be0fe2e438e44ef8fad133d84',
    fflonk: '0xc8cd705a0db89577146137de78eba6bd1f1c9c3f66dc52f7627e7c2df30895b2',
  },
};

/** Versions whose wrapper key has this hash, oldest first. */
export const versionsOfWrapper = (hash: string): string[] =>
  Object.entries(KNOWN_WRAPPERS).flatMap(([version, { snark, fflonk }]) =>
    snark === hash || fflonk === hash ? [version] : [],
  );
