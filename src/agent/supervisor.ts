import type { Clock } from '../system/clock.ts';
import type { CommandRunner } from '../system/command.ts';

/** Whatever has started the agent and wants to know how it is: systemd, or nobody. */
export interface Supervisor {
  tell(what: 'ready' | 'reloading' | 'stopping'): Promise<void>;
  /** To be called at least each half minute: it is passed on as often as it is wanted. */
  alive(): Promise<void>;
}

const TIMEOUT_MS = 10_000;

const messages = { ready: 'READY=1', reloading: 'RELOADING=1', stopping: 'STOPPING=1' } as const;

/** sd_notify(3), through systemd-notify(1): Node has no datagram socket of that kind. */
export const openSupervisor = (
  environment: Readonly<Record<string, string | undefined>>,
  { commands, clock }: { readonly commands: CommandRunner; readonly clock: Clock },
): Supervisor => {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, PATH = '' } = environment;
  const everyMs = Number(WATCHDOG_USEC) / 1_000 / 2;
  let last = Number.NEGATIVE_INFINITY;
  const notify = async (message: string): Promise<void> => {
    if (NOTIFY_SOCKET === undefined) return;
    const env = { NOTIFY_SOCKET, PATH };
    // What it comes to shows in what systemd does.
    await commands.run(['systemd-notify', message], { env, timeoutMs: TIMEOUT_MS });
  };
  return {
    tell: (what) => notify(messages[what]),
    async alive() {
      if (!(everyMs > 0) || clock.monotonic() - last < everyMs) return;
      last = clock.monotonic();
      await notify('WATCHDOG=1');
    },
  };
};
