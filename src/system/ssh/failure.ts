/** `unreachable`: it may work when tried again. `refused`: the host's key, or ours, or what was asked for. */
export type SshFailureKind = 'unreachable' | 'refused';

/** What went wrong with a connection, before it is known to whoever asked what it was for. */
export class SshFailure extends Error {
  readonly kind: SshFailureKind;
  readonly hint: string | undefined;

  constructor(
    kind: SshFailureKind,
    message: string,
    options: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SshFailure';
    this.kind = kind;
    this.hint = options.hint;
  }
}
