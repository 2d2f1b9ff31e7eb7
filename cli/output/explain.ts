/**
 * Errors of the layers that cannot know `DevkitError` (protocol, proving) and of the system, by name or code:
 * what they say is for the user, so they are no bugs of the kit.
 */
import { DevkitError, type ErrorCode } from '../core/errors.ts';

const BY_NAME: Readonly<Record<string, { code: ErrorCode; hint?: string }>> = {
  ConfigError: { code: 'CONFIG_INVALID' },
  WalletsInvalidError: { code: 'CONFIG_INVALID' },
  ContractsInvalidError: { code: 'CONFIG_INVALID' },
  CrsError: { code: 'CONFIG_INVALID' },
  KeysError: { code: 'CONFIG_INVALID', hint: 'devkit prover setup-keys --mode=generate' },
  CrsTooSmallError: { code: 'CONFIG_INVALID', hint: 'devkit prover compressor-keys' },
  SchemaMismatchError: { code: 'CONFIG_INVALID' },
  GenesisMismatchError: { code: 'CONFIG_INVALID' },
  RollupMismatchError: { code: 'CONFIG_INVALID' },
  NotDevkitWitnessError: { code: 'CONFIG_INVALID' },
  WireError: { code: 'CONFIG_INVALID' },
  UnknownVersionError: { code: 'NOT_FOUND', hint: 'devkit dev prover insert-version --default' },
  ObjectNotFoundError: { code: 'NOT_FOUND' },
  BatchNotReadyError: { code: 'NOT_FOUND', hint: 'devkit batch list' },
  UnsafeL1Error: { code: 'UNSAFE' },
  SolcMissingError: { code: 'HOST_UNFIT' },
  BbBinaryError: { code: 'HOST_UNFIT', hint: 'devkit doctor' },
  FinalProofError: { code: 'PROOF_REJECTED' },
  ProofInvalidError: { code: 'PROOF_REJECTED' },
  DeadlineError: { code: 'TIMED_OUT' },
  HttpRequestError: { code: 'COMPONENT_FAILED', hint: 'devkit up' },
  L1Error: { code: 'COMPONENT_FAILED', hint: 'devkit containers   (starts the L1)' },
  GatewayError: { code: 'COMPONENT_FAILED', hint: 'devkit up' },
  MarketUnreachableError: { code: 'COMPONENT_FAILED', hint: 'devkit up --system proof-market' },
  RpcUnreachableError: { code: 'COMPONENT_FAILED', hint: 'devkit up' },
};

const BY_SYSTEM_CODE: Readonly<Record<string, { code: ErrorCode; hint?: string }>> = {
  ECONNREFUSED: { code: 'COMPONENT_FAILED', hint: 'devkit up' },
  ECONNRESET: { code: 'COMPONENT_FAILED', hint: 'devkit status' },
  ENOSPC: { code: 'HOST_UNFIT', hint: 'devkit doctor   (says how much disk is needed)' },
  EACCES: { code: 'HOST_UNFIT' },
  EROFS: { code: 'HOST_UNFIT' },
};

/** The error as the user should see it; undefined for a bug. Looks through the causes, newest first. */
export function explain(error: unknown): DevkitError | undefined {
  if (error instanceof AggregateError) return explainAll(error);
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    if (at instanceof DevkitError) return at;
    const known = BY_NAME[at.name] ?? BY_SYSTEM_CODE[(at as NodeJS.ErrnoException).code ?? ''];
    if (known) {
      return new DevkitError(known.code, firstLine((error as Error).message) || firstLine(at.message) || known.code, {
        ...(known.hint ? { hint: known.hint } : {}),
        cause: error,
      });
    }
  }
  return undefined;
}

/** Known only if every part is: one unknown part makes the whole a bug. */
function explainAll(error: AggregateError): DevkitError | undefined {
  const parts = error.errors.map(explain);
  const [first] = parts;
  if (!first || parts.includes(undefined)) return undefined;
  const texts = new Set(parts.map((part) => part?.message ?? ''));
  return new DevkitError(first.code, [...texts].join('; '), {
    ...(first.hint ? { hint: first.hint } : {}),
    cause: error,
  });
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
