/**
 * Plays all items, `lanes` of them at once, in their order. The first failure is what this rejects with, once everything has
 * ended: no further item begins then, and the signal that the others have is aborted.
 */
export const inLanes = async <T>(
  items: readonly T[],
  how: { readonly lanes: number; readonly signal?: AbortSignal | undefined },
  play: (item: T, index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const failed = new AbortController();
  const signal = how.signal === undefined ? failed.signal : AbortSignal.any([how.signal, failed.signal]);
  const left = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of left) {
      signal.throwIfAborted();
      await play(item, index, signal);
    }
  };
  const first: { error: unknown }[] = [];
  await Promise.all(
    Array.from({ length: how.lanes }, () =>
      lane().catch((error: unknown) => {
        first.push({ error });
        failed.abort(error);
      }),
    ),
  );
  if (first[0] !== undefined) throw first[0].error;
};
