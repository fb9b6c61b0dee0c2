import { JOBS, type Job } from '../config/notifier.ts';
import { messageOf } from '../errors.ts';
import { decide, nextTime } from './due.ts';
import { JOB_PLANS, type Lane } from './jobs.ts';
import type { JobRecord } from './record.ts';
import { recoverAtStart } from './recover-at-start.ts';
import { complaintOf } from './tool.ts';
import type { AgentWorld } from './world.ts';

/** However far the next time is: wall clocks are changed, releases made, watchdogs fed. */
const LOOK_MS = 30_000;

/** Runs until the signal is aborted; never rejects for what a job does. Rejects when there is no usable configuration to begin with. */
export const runAgent = async (world: AgentWorld): Promise<void> => {
  const { clock, tool, supervisor, signal, say } = world;
  const now = (): string => clock.now().toISOString();
  let timetables = await world.load();
  let record = await world.readRecord();
  let live = await world.liveRelease();
  const since = clock.now();
  let watchUntil = Number.NEGATIVE_INFINITY;
  let watchedAt = Number.NEGATIVE_INFINITY;
  let wake = new AbortController();
  const busy = new Map<Lane, Promise<void>>();

  const next = () =>
    Object.fromEntries(
      JOBS.flatMap((job) => {
        const at = nextTime(timetables.of[job], clock.now());
        return at === null ? [] : [[job, at.toISOString()]];
      }),
    );
  const keep = async (job: Job, changed: JobRecord): Promise<void> => {
    record = { ...record, [job]: changed };
    await world.writeRecord(record).catch((error: unknown) => {
      say({ type: 'warning', text: `when ${job} was done could not be written down: ${messageOf(error)}` });
    });
  };
  const occupy = (lane: Lane, work: Promise<void>): void => {
    const done = work.finally(() => {
      busy.delete(lane);
      wake.abort();
    });
    busy.set(lane, done);
  };

  /** `due` null: it is an extra look at a new release. */
  const carryOut = async (job: Job, due: Date | null, missed: boolean): Promise<void> => {
    const { argv, timeoutMs } = JOB_PLANS[job];
    const begunAt = now();
    const begun = due === null ? null : { due: due.toISOString(), begunAt, endedAt: null, exitCode: null };
    if (begun !== null) await keep(job, { after: begun.due, last: begun });
    say({ type: 'began', job, due: begun?.due ?? null, missed });
    const started = clock.monotonic();
    const ran = await tool.run(argv, { timeoutMs, signal }).catch((error: unknown) => {
      if (signal.aborted) return null;
      return { exitCode: null, stdout: '', stderr: messageOf(error) };
    });
    if (ran === null) return;
    const { exitCode } = ran;
    if (begun !== null) await keep(job, { after: begun.due, last: { ...begun, endedAt: now(), exitCode } });
    const elapsedMs = Math.round(clock.monotonic() - started);
    say({ type: 'ended', job, exitCode, elapsedMs, complaint: exitCode === 0 ? null : complaintOf(ran) });
  };

  /** Begins what is due in lanes that are free; comes back with when the next one is. */
  const beginDue = async (): Promise<number> => {
    let soonest = Number.POSITIVE_INFINITY;
    for (const job of JOBS) {
      const { lane } = JOB_PLANS[job];
      if (busy.has(lane)) continue;
      const after = record[job]?.after;
      if (after === undefined) {
        await keep(job, { after: now(), last: null });
        continue;
      }
      const decision = decide(timetables.of[job], { after: new Date(after), since, now: clock.now() });
      if (decision === null) continue;
      if (decision.type === 'wait') soonest = Math.min(soonest, decision.until.getTime());
      else if (decision.type === 'run') occupy(lane, carryOut(job, decision.due, decision.missed));
      else {
        const due = decision.due.toISOString();
        await keep(job, { after: due, last: record[job]?.last ?? null });
        say({ type: 'skipped', job, due });
      }
    }
    return soonest;
  };

  /** A new release is looked at closely for a while, whatever the schedule says. */
  const watchRelease = async (): Promise<void> => {
    const found = await world.liveRelease();
    const at = clock.monotonic();
    if (found !== live) watchUntil = at + timetables.watchReleaseMs;
    live = found;
    if (at >= watchUntil || at - watchedAt < LOOK_MS || busy.has('watch')) return;
    watchedAt = at;
    occupy('watch', carryOut('watch', null, false));
  };

  const reload = async (): Promise<void> => {
    await supervisor.tell('reloading');
    try {
      timetables = await world.load();
      say({ type: 'reloaded', next: next() });
    } catch (error) {
      say({ type: 'warning', text: `the configuration stays as it was: ${messageOf(error)}` });
    }
    await supervisor.tell('ready');
  };

  let reloads = 0;
  world.onReload(() => {
    reloads += 1;
    wake.abort();
  });
  signal.addEventListener('abort', () => wake.abort(), { once: true });

  say({ type: 'started', next: next() });
  await supervisor.tell('ready');
  const recovering = recoverAtStart(world, record).then(async (again) => {
    for (const [job, changed] of again) await keep(job, changed);
  });
  occupy('work', recovering);
  occupy('watch', recovering);
  while (!signal.aborted) {
    wake = new AbortController();
    if (reloads > 0) {
      reloads = 0;
      await reload();
    }
    await supervisor.alive();
    const soonest = await beginDue();
    await watchRelease().catch((error: unknown) => say({ type: 'warning', text: messageOf(error) }));
    const pause = Math.max(0, Math.min(LOOK_MS, soonest - clock.now().getTime()));
    await clock.sleep(pause, wake.signal).catch(() => {});
  }
  await supervisor.tell('stopping');
  await Promise.all(busy.values());
  say({ type: 'stopped' });
};
