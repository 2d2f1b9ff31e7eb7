/** Errors that a client sees, with the bodies that ArangoDB and the market's service give. */

/** Arango's numbers (`errors.dat`). */
export const ERROR_NUM = {
  notImplemented: 9,
  forbidden: 11,
  badRequest: 400,
  unauthorized: 401,
  notFound: 404,
  tooLarge: 413,
  internal: 500,
  unavailable: 503,
  corruptedJson: 600,
  conflict: 1200,
  documentNotFound: 1202,
  duplicateUser: 1702,
} as const;

export interface ErrorBody {
  error: true;
  errorNum?: number;
  errorMessage: string;
  code: number;
}

/** An answer that is an error: HTTP status and body. */
export class MarketError extends Error {
  override readonly name = 'MarketError';
  readonly status: number;
  readonly body: ErrorBody;

  constructor(status: number, errorNum: number | undefined, message: string, { code = status } = {}) {
    super(message);
    this.status = status;
    this.body = { error: true, ...(errorNum === undefined ? {} : { errorNum }), errorMessage: message, code };
  }
}

export const badRequest = (message: string): MarketError => new MarketError(400, ERROR_NUM.badRequest, message);
/** Arango's text for every request whose credentials are missing, wrong or expired. */
export const notAuthorized = (): MarketError =>
  new MarketError(401, ERROR_NUM.unauthorized, 'not authorized to execute this request');
/** Arango's text of `/_open/auth`. */
export const wrongCredentials = (): MarketError => new MarketError(401, ERROR_NUM.unauthorized, 'Wrong credentials');
export const forbidden = (message: string): MarketError => new MarketError(403, ERROR_NUM.forbidden, message);
export const documentNotFound = (what: string): MarketError =>
  new MarketError(404, ERROR_NUM.documentNotFound, `${what} not found`);
/** The order is in another state than the request needs. */
export const wrongState = (message: string): MarketError => new MarketError(409, ERROR_NUM.conflict, message);
export const notImplemented = (message: string): MarketError => new MarketError(501, ERROR_NUM.notImplemented, message);
/** The service's own answer: code 409 in a 400, without number, with its typing error. */
export const badUserName = (): MarketError =>
  new MarketError(400, undefined, 'Inavlid format for username', { code: 409 });
export const duplicateUser = (): MarketError => new MarketError(500, ERROR_NUM.duplicateUser, 'duplicate user');
