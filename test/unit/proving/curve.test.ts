import { describe, expect, it } from 'vitest';
import {
  addG1,
  addG2,
  encodeG1,
  encodeG2,
  FIELD_Q,
  FIELD_R,
  fromBytes,
  G1_GENERATOR,
  G2_GENERATOR,
  invert,
  isOnCurve,
  isOnTwist,
  multiplyG1,
  multiplyG2,
  power,
  toBytes32,
} from '../../../proving/crs/curve.ts';
import { devG2, devTau } from '../../../proving/crs/dev.ts';
import { ADDRESS, loadKernel } from '../../../proving/crs/kernel.ts';
import { openPowers, windowBits } from '../../../proving/crs/powers.ts';
import { encodeModule, signed, unsigned } from '../../../proving/wasm/assembler.ts';
import { fromLimbs, limbsOf, toMontgomery } from '../../../proving/wasm/field.ts';

describe('the curve in BigInt', () => {
  it('adds and multiplies consistently', () => {
    const five = multiplyG1(G1_GENERATOR, 5n);
    expect(five).toEqual(addG1(multiplyG1(G1_GENERATOR, 2n), multiplyG1(G1_GENERATOR, 3n)));
    expect(isOnCurve(five)).toBe(true);
  });

  it('has the known double of the generator', () => {
    expect(multiplyG1(G1_GENERATOR, 2n)).toEqual([
      1368015179489954701390400359078579693043519447331113978918064868415326638035n,
      9918110051302171585080402603319702774565515993150576347155970296011118125764n,
    ]);
  });

  it('has order r in both groups', () => {
    expect(addG1(multiplyG1(G1_GENERATOR, FIELD_R - 1n), G1_GENERATOR)).toBeUndefined();
    expect(addG2(multiplyG2(G2_GENERATOR, FIELD_R - 1n), G2_GENERATOR)).toBeUndefined();
  });

  it('knows the points of the second group', () => {
    expect([G2_GENERATOR, multiplyG2(G2_GENERATOR, 7n)].map((point) => isOnTwist(point!))).toEqual([true, true]);
    const [x, [c0, c1]] = G2_GENERATOR!;
    expect(isOnTwist([x, [c0, c1 + 1n]])).toBe(false);
    expect(
      isOnTwist([
        [0n, 0n],
        [0n, 0n],
      ]),
    ).toBe(false);
  });

  it('does not take a point off the curve for one on it', () => {
    expect(isOnCurve([1n, 3n])).toBe(false);
  });

  it('inverts by the Euclidean algorithm as by Fermat', () => {
    expect(invert(123456789n, FIELD_Q)).toBe(power(123456789n, FIELD_Q - 2n, FIELD_Q));
    expect(() => invert(0n, FIELD_Q)).toThrow('no inverse');
  });

  it('encodes points in the order bb reads', () => {
    expect(Buffer.from(encodeG1(G1_GENERATOR)).toString('hex')).toBe(
      `${'1'.padStart(64, '0')}${'2'.padStart(64, '0')}`,
    );
    expect(fromBytes(encodeG2(G2_GENERATOR).subarray(0, 32))).toBe(G2_GENERATOR?.[0][0]);
    expect(fromBytes(toBytes32(FIELD_Q))).toBe(FIELD_Q);
  });
});

it('the written [tau]_2 of the dev reference string is that of its tau', () => {
  expect(devG2()).toEqual(new Uint8Array(encodeG2(multiplyG2(G2_GENERATOR, devTau()))));
});

describe('the assembler', () => {
  it.each([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 1]],
    [624_485, [0xe5, 0x8e, 0x26]],
  ])('encodes the unsigned %i', (value, bytes) => {
    expect(unsigned(value)).toEqual(bytes);
  });

  it.each([
    [-1n, [0x7f]],
    [63n, [0x3f]],
    [64n, [0xc0, 0]],
    [-123_456n, [0xc0, 0xbb, 0x78]],
  ])('encodes the signed %i', (value, bytes) => {
    expect(signed(value)).toEqual(bytes);
  });

  it('makes a module that WebAssembly takes', async () => {
    const module = encodeModule([{ name: 'nothing', params: 2, locals: ['i64'], body: [] }], 1);
    const { instance } = await (globalThis as unknown as Wasm).WebAssembly.instantiate(module);
    expect(Object.keys(instance.exports)).toEqual(['memory', 'nothing']);
  });
});

interface Wasm {
  WebAssembly: { instantiate(code: Uint8Array): Promise<{ instance: { exports: object } }> };
}

describe('the field in WebAssembly', () => {
  const [A, B, C, OUT] = [1024, 1088, 1152, 1216] as const;

  it('multiplies and subtracts as BigInt does, also factors that are not reduced', async () => {
    const kernel = await loadKernel(65536);
    const words = new Uint32Array(kernel.memory.buffer);
    const put = (address: number, value: bigint) => words.set(limbsOf(value), address / 4);
    const take = () => fromLimbs(words.subarray(OUT / 4, OUT / 4 + 9));
    for (const [i, a] of edgeValues().entries()) {
      for (const b of edgeValues()) {
        const lifted = a + BigInt(i % 7) * FIELD_Q;
        put(A, toMontgomery(a, FIELD_Q) + BigInt(i % 7) * FIELD_Q);
        put(B, b);
        kernel.mul(OUT, A, B); // Montgomery form of a times plain b is plain a·b
        expect(take() % FIELD_Q).toBe((lifted * b) % FIELD_Q);
        expect(take() < 2n * FIELD_Q).toBe(true);
        put(A, a);
        put(C, 1n);
        kernel.strict(OUT, A, B, C);
        expect((take() - (a - b - 1n)) % FIELD_Q).toBe(0n);
        expect(take() < 2n * FIELD_Q).toBe(true);
        kernel.lazy(OUT, A, B, C);
        expect(take()).toBe(a - b - 1n + 4n * FIELD_Q);
      }
    }
    expect(words.subarray(ADDRESS.free / 4, A / 4).every((word) => word === 0)).toBe(true);
  });
});

function edgeValues(): bigint[] {
  const fixed = [0n, 1n, 2n, FIELD_Q - 1n, FIELD_Q - 2n, (FIELD_Q - 1n) / 2n, 2n ** 253n, 2n ** 232n - 1n, 2n ** 29n];
  return [...fixed, ...Array.from({ length: 12 }, (_, i) => power(BigInt(i) + 3n, 1000n, FIELD_Q))];
}

describe('powers of tau', () => {
  const pointsOf = async (tau: bigint, bits: number, from: number, count: number) => {
    const out = new Uint8Array(64 * count);
    (await openPowers({ tau, bits }))(from, count, out, 0);
    return Array.from({ length: count }, (_, i) => Buffer.from(out.subarray(64 * i, 64 * i + 64)).toString('hex'));
  };
  const expected = (tau: bigint, from: number, count: number) =>
    Array.from({ length: count }, (_, i) =>
      Buffer.from(encodeG1(multiplyG1(G1_GENERATOR, power(tau, BigInt(from + i), FIELD_R)))).toString('hex'),
    );

  it.each([4, 8, 11])('are what scalar multiplication gives, with windows of %i bits', async (bits) => {
    const tau = power(7n, 12345n, FIELD_R);
    expect(await pointsOf(tau, bits, 1000, 20)).toEqual(expected(tau, 1000, 20));
  });

  it.each([2n, 2n ** 64n, FIELD_R - 1n, 1n])(
    'are right for the special tau %i, whose digits are mostly 0 or carry',
    async (tau) => {
      expect(await pointsOf(tau, 8, 0, 10)).toEqual(expected(tau, 0, 10));
    },
  );

  it('choose larger windows for more points', () => {
    expect(windowBits(1000)).toBeLessThan(windowBits(30_000));
    expect(windowBits(30_000)).toBeLessThan(windowBits(2_000_000));
  });
});
