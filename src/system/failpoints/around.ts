import { failpoint } from '#failpoint';

/** Runs an effect between the failpoints `NAME.before` and `NAME.after`. The second is not met when the effect fails. */
export const around = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
  await failpoint(`${name}.before`);
  const value = await run();
  await failpoint(`${name}.after`);
  return value;
};

/** Names of the methods of T that are over later. */
type Effects<T> = {
  readonly [K in keyof T]: T[K] extends (...args: never[]) => Promise<unknown> ? K : never;
}[keyof T] &
  string;

/** The same object, each of these methods between `NAME.METHOD.before` and `NAME.METHOD.after`. */
export const withFailpoints = <T extends object>(name: string, object: T, methods: readonly Effects<T>[]): T => {
  const wrapped = methods.map((method) => {
    const call = object[method] as (...args: unknown[]) => Promise<unknown>;
    return [method, (...args: unknown[]) => around(`${name}.${method}`, () => call(...args))] as const;
  });
  return { ...object, ...Object.fromEntries(wrapped) };
};
