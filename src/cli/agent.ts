import { Option } from 'commander';
import type { AgentRecord } from '../agent/record.ts';
import type { AgentSettings } from '../agent/serve.ts';
import type { AgentEvent } from '../agent/world.ts';
import { JOBS, type Job } from '../config/notifier.ts';
import { DeployError } from '../errors.ts';
import { scopeOf } from './global-options.ts';
import { ownProcess } from './own-process.ts';
import { formatAgo, formatDuration, printableLine } from './render/format.ts';
import { table } from './render/table.ts';
import type { View } from './render/view.ts';
import type { Session } from './session.ts';
import { type DefineVerb, examples } from './verb.ts';

const eventLine = (event: AgentEvent): string => {
  switch (event.type) {
    case 'started':
    case 'reloaded': {
      const next = Object.entries(event.next).map(([job, at]) => `${job} ${at}`);
      return `${event.type}; next: ${next.join(', ') || 'nothing is scheduled'}`;
    }
    case 'stopped':
      return 'stopped';
    case 'warning':
      return `warning: ${event.text}`;
    case 'recovered':
      return event.complaint === null
        ? 'recovered what had died'
        : `recover: exit ${event.exitCode}: ${event.complaint}`;
    case 'began': {
      if (event.due === null) return `${event.job}: begins, for there is a new release`;
      return `${event.job}: begins, ${event.missed ? 'missed' : 'due'} ${event.due}`;
    }
    case 'skipped':
      return `${event.job}: left out, missed ${event.due}`;
    case 'ended': {
      const took = formatDuration(event.elapsedMs);
      if (event.complaint === null) return `${event.job}: done in ${took}`;
      return `${event.job}: failed after ${took}, exit ${event.exitCode ?? 'by a signal'}: ${event.complaint}`;
    }
  }
};

/** systemd's journal knows the time of each line. */
const isJournal = ({ env }: Session['io']): boolean => env.JOURNAL_STREAM !== undefined;

const sayer =
  ({ io, options, output, clock }: Session) =>
  (event: AgentEvent): void => {
    const at = clock.now().toISOString();
    if (options.json) output.document({ at, ...event }, { oneLine: true });
    else output.result([`${isJournal(io) ? '' : `${at}  `}${printableLine(eventLine(event))}`]);
  };

interface Row {
  readonly job: Job;
  /** ISO 8601; null: it is not scheduled. */
  readonly next: string | null;
  readonly last: NonNullable<AgentRecord[Job]>['last'];
}

const rowLines = (rows: readonly Row[], timeZone: string, { now }: View): readonly string[] => [
  ...table(
    [{ title: 'JOB' }, { title: 'NEXT' }, { title: 'LAST' }, { title: 'EXIT', align: 'right' }],
    rows.map(({ job, next, last }) => [
      job,
      next === null ? 'not scheduled' : new Date(next).toLocaleString('sv-SE', { timeZone }),
      last === null ? 'never' : formatAgo(last.begunAt, now),
      last?.exitCode === undefined || last.exitCode === null ? null : String(last.exitCode),
    ]),
  ),
  `times are of ${timeZone}`,
];

const explain = async (session: Session): Promise<undefined> => {
  const { clock } = session;
  const { agent, stateDirectory } = await session.config();
  const [{ timetablesOf }, { nextTime }, { readAgentRecord }, { findState }] = await Promise.all([
    import('../agent/timetables.ts'),
    import('../agent/due.ts'),
    import('../agent/record.ts'),
    import('../operation/state.ts'),
  ]);
  const record = await readAgentRecord(await findState(stateDirectory));
  const timetables = timetablesOf(agent);
  const rows = JOBS.map((job): Row => {
    const next = nextTime(timetables.of[job], clock.now())?.toISOString() ?? null;
    return { job, next, last: record[job]?.last ?? null };
  });
  session.show({ timeZone: agent.timeZone, jobs: rows }, (view) => rowLines(rows, agent.timeZone, view));
  return undefined;
};

/** For the agent itself. Nothing is redacted: there is no secret in it, and a folder may be called like one. */
const printSettings = async (session: Session): Promise<undefined> => {
  const { agent, stateDirectory, warnings } = await session.config();
  session.io.stdout.write(JSON.stringify({ agent, stateDirectory, warnings } satisfies AgentSettings));
  return undefined;
};

const serve = async (session: Session): Promise<undefined> => {
  const { io, options, clock } = session;
  const stop = new AbortController();
  session.onInterrupt(() => stop.abort(new DeployError('interrupted', 'the agent is stopped')));
  const { serveAgent } = await import('../agent/serve.ts');
  const { env: environment, cwd } = io;
  await serveAgent({
    ...{ clock, environment, cwd, signal: stop.signal, say: sayer(session) },
    ...{ program: ownProcess('main'), scope: scopeOf(options) },
    onReload: (reload) => io.signals.on('SIGHUP', reload),
  });
  return undefined;
};

export const defineAgent: DefineVerb = (program, schedule) => {
  const command = program
    .command('agent')
    .description('run in the foreground: recover what died, then backups, checks and prunes by their schedules')
    .addHelpText(
      'after',
      examples([
        ['agent --dry-run', 'what it would do, and when'],
        ['agent', 'systemd does this, once `setup` has been there'],
      ]),
    );
  command.addOption(new Option('--settings').hideHelp());
  command.action(({ settings = false }: { readonly settings?: boolean }) =>
    schedule({
      command,
      interruption: 'ends',
      elsewhere: {
        type: 'here-only',
        why: 'the agent runs on the server itself',
        hint: 'systemd starts it there: docs/agent.md',
      },
      job: (session) => {
        if (settings) return printSettings(session);
        return session.options.dryRun ? explain(session) : serve(session);
      },
    }),
  );
};
