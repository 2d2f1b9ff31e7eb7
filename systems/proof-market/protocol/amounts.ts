/** Token amounts: bigints of 10^-18 token in code, decimals with 18 places in the database, numbers in JSON. */

export const TOKEN = 10n ** 18n;
const DECIMALS = 18;

/** What orders may cost. The upper bound keeps every sum within NUMERIC(36, 18). */
export const MIN_COST = 1e-18;
export const MAX_COST = 1e12;

/** Amount of a JSON number or of a decimal text, rounded down to 18 places. */
export function toAmount(value: number | string): bigint {
  const match = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(String(value));
  if (!match || `${match[2]}${match[3]}` === '') throw new RangeError(`not an amount: ${value}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const shift = DECIMALS - fraction.length + Number(exponent);
  const digits = BigInt(`${whole}${fraction}`);
  const amount = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return sign === '-' ? -amount : amount;
}

/** Decimal text for a NUMERIC column. */
export function amountText(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(DECIMALS + 1, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
}

export const toNumber = (amount: bigint): number => Number(amountText(amount));
