/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * A type whose values JSON can say, property by property. Needed for interfaces, which TypeScript does not let pass
 * as `Json` although their values are.
 */
export type Jsonable<T> = T extends Json
  ? T
  : T extends (...args: never[]) => unknown
    ? never
    : T extends object
      ? { readonly [K in keyof T]: Jsonable<T[K]> }
      : never;
