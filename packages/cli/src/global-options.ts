// The options that every command has.

/** The options that every command has: those below, and the flags of settings. */
export interface GlobalOptions {
  readonly [flag: string]: unknown;
  readonly server?: string;
  readonly apiKeyFile?: string;
  readonly json?: boolean;
}
