/** `promise`, or a rejection with the signal's reason as soon as it is aborted; for what can't be cancelled itself. */
export const abortable = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
};
