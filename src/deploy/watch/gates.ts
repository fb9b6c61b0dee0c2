import type { GateReport } from '../../health/poll.ts';
import type { Session } from '../operate.ts';
import type { LockStatus } from '../results.ts';
import { health, lockStatus } from '../status.ts';
import type { Look } from './look.ts';

/** A gate may miss once, on a busy server. */
const TRIES = 3;
const PAUSE_MS = 5_000;
/** What stops or changes services while it runs. */
const CHANGING = ['deploy', 'rollback', 'restore', 'recover', 'maintenance'];

const changer = ({ holder }: LockStatus): string | null =>
  holder !== null && CHANGING.includes(holder.kind) ? holder.kind : null;

const skipped = (kind: string): Look => ({ status: 'skipped', detail: `a ${kind} is running` });

const failed = (gates: readonly GateReport[]): Look => {
  const [first, ...more] = gates.filter(({ ok }) => !ok);
  const others = more.length === 0 ? '' : `; so did ${more.map(({ gate }) => gate).join(', ')}`;
  const detail = `${first?.gate} failed: ${first?.detail}${others}`;
  return { status: 'bad', detail, hint: 'kaleem-deploy health; kaleem-deploy logs' };
};

/** Every gate, again where one fails; not while an operation has the services down. */
export const lookAtGates = async (session: Session, fenced: boolean): Promise<Look> => {
  if (fenced) return { status: 'skipped', detail: 'maintenance is on' };
  const { clock, signal } = session.options;
  const context = await session.context();
  for (let tries = 1; ; tries += 1) {
    const running = changer(await lockStatus(context));
    if (running !== null) return skipped(running);
    const { ok, gates } = await health(session);
    if (ok) return { status: 'ok', detail: `${gates.length} passed` };
    if (tries < TRIES) {
      await clock.sleep(PAUSE_MS, signal);
      continue;
    }
    const begun = changer(await lockStatus(context));
    return begun === null ? failed(gates) : skipped(begun);
  }
};
