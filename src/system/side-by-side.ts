type Results<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

/**
 * Waits for all of them, whatever becomes of each: what is done after a failure must not meet one that still goes on. Of
 * several failures the first in the list is reported, whichever came first.
 */
export const sideBySide = async <const T extends readonly unknown[]>(work: T): Promise<Results<T>> => {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as Results<T>;
};
