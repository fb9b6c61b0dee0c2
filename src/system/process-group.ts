/** Sends a signal to every process of a group. Nothing happens when there is none left, or none that we may signal. */
export const signalGroup = (leader: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-leader, signal);
  } catch {
    // ESRCH or EPERM: whoever waits for the group has a deadline.
  }
};

const owned = new Set<number>();
let watching = false;

/**
 * Groups that must not outlive us: they get SIGTERM when this process exits (a group of its own is spared the
 * terminal's signals, so nobody else would end it). Returns how to give it up again.
 */
export const ownGroup = (leader: number): (() => void) => {
  owned.add(leader);
  if (!watching) {
    watching = true;
    process.on('exit', () => {
      for (const each of owned) signalGroup(each, 'SIGTERM');
    });
  }
  return () => owned.delete(leader);
};
