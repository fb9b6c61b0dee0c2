import type { InitSpec } from '../../config/config.ts';
import type { Context } from '../context.ts';

export type SpecOf<T extends InitSpec['type']> = Extract<InitSpec, { readonly type: T }>;

/** One kind of idempotent work on a service that has just become healthy: looks before it acts, says what it found or did. */
export type InitStep<T extends InitSpec['type']> = (
  context: Context,
  spec: SpecOf<T>,
  container: { readonly id: string },
) => Promise<string>;
