/** A method of the API: parameters in, result out. */
export type Method = (params: readonly unknown[]) => Promise<unknown>;

/** An answer with an error object; the message goes to the caller. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const RPC_CODES = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Upstream and geth: the request is fine, the state of the chain is not. */
  server: -32000,
} as const;

/** Block or batch number: a JSON number, or hex as Ethereum writes quantities. */
export function numberParam(params: readonly unknown[], index: number): number {
  const value = params[index];
  const number = typeof value === 'string' && /^0x[0-9a-fA-F]{1,12}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0 || number > 0xffff_ffff) {
    throw new ApiError(RPC_CODES.invalidParams, `invalid params: parameter ${index} is not a number`);
  }
  return number;
}
