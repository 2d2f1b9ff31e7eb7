/** What somebody has to mend before another start can do better; the message says it all: exit code 2, and no stack is logged. */
export class Refusal extends Error {}

/** A command line that cannot be used. */
export class UsageError extends Refusal {
  override readonly name = 'UsageError';
}

/** A configuration file that cannot be used as it is. */
export class ConfigError extends Refusal {
  override readonly name = 'ConfigError';
}
