/** The development reference string `dev-1`: powers of a tau that everybody can compute. Insecure by construction. */
import { createHash } from 'node:crypto';
import { FIELD_R, fromBytes } from './curve.ts';

export const DEV_CRS_ID = 'dev-1';

/** tau = SHA-512(label) mod r. Whoever reads this line can forge any proof made under this reference string. */
export const DEV_TAU_LABEL = 'devkit dev CRS 1: insecure, tau is public';

export const devTau = (): bigint => fromBytes(createHash('sha512').update(DEV_TAU_LABEL).digest()) % FIELD_R;

/** [tau]_2, 128 bytes: computed once and written down (a test computes it again), as the arithmetic takes longer than it should. */
export const devG2 = (): Uint8Array => new Uint8Array(Buffer.from(DEV_G2, 'hex'));

const DEV_G2 =
  '1fa4de5891c5343b211b4cc2ea17fb18e187296613ab6d5609f76d22da58c046' +
  '2127edd5852fdbb3b7983b9597cbbeaf47356b3a54d8967c84b61917cc0f57ba' +
  '23cbebc5f1fb50aa26fa23cf4fea4d043c85f2effa615cd3c9f06aa63e18ba1d' +
  '2dc5a5c879c6c5f77a39075cf819dc4ad5590e921702f8f1ba7709b82af829f0';
