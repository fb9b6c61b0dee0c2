/**
 * `unreachable`: it may work when tried again. `refused`: the key, the host key, the credentials, a permission. `missing`: no
 * such folder, bucket or file. `full`: no room there. `unsupported`: the server can't do that. `failed`: anything else.
 */
export type PlaceFailureKind = 'unreachable' | 'refused' | 'missing' | 'full' | 'unsupported' | 'failed';

/** What went wrong at a place for copies, before it is known to whoever asked which place it was. */
export class PlaceFailure extends Error {
  readonly kind: PlaceFailureKind;
  readonly hint: string | undefined;

  constructor(
    kind: PlaceFailureKind,
    message: string,
    options: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PlaceFailure';
    this.kind = kind;
    this.hint = options.hint;
  }
}

export const isFailure = (error: unknown, kind: PlaceFailureKind): error is PlaceFailure =>
  error instanceof PlaceFailure && error.kind === kind;
