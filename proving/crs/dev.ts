/** The development reference string `dev-1`: powers of a tau that everybody can compute. Insecure by construction. */
import { createHash } from 'node:crypto';
import { encodeG2, FIELD_R, fromBytes, G2_GENERATOR, multiplyG2 } from './curve.ts';

export const DEV_CRS_ID = 'dev-1';

/** tau = SHA-512(label) mod r. Whoever reads this line can forge any proof made under this reference string. */
export const DEV_TAU_LABEL = 'devkit dev CRS 1: insecure, tau is public';

export const devTau = (): bigint => fromBytes(createHash('sha512').update(DEV_TAU_LABEL).digest()) % FIELD_R;

/** [tau]_2, 128 bytes. */
export const devG2 = (): Uint8Array => encodeG2(multiplyG2(G2_GENERATOR, devTau()));
