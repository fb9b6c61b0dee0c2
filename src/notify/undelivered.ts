/** A message that did not arrive, as far as we know. */
export class Undelivered extends Error {
  /** Whether another try may help. */
  readonly heals: boolean;
  /** As the other side asks for it. */
  readonly retryAfterMs: number;

  constructor(
    message: string,
    { heals, retryAfterMs = 0 }: { readonly heals: boolean; readonly retryAfterMs?: number },
  ) {
    super(message);
    this.name = 'Undelivered';
    this.heals = heals;
    this.retryAfterMs = retryAfterMs;
  }
}
