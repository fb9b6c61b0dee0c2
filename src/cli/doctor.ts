import type { DoctorReport } from '../deploy/results.ts';
import { DeployError } from '../errors.ts';
import { exitCodes } from './exit-codes.ts';
import { plural, printable } from './render/format.ts';
import type { View } from './render/view.ts';
import type { Session } from './session.ts';
import { type DefineVerb, examples } from './verb.ts';

const colors = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

const doctorLines = ({ checks }: DoctorReport, { paint }: View): readonly string[] => {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const count = (status: 'warn' | 'fail'): number => checks.filter((check) => check.status === status).length;
  return [
    ...checks.flatMap(({ name, status, detail, hint }) => [
      `${paint(colors[status], status.padEnd(4))}  ${name.padEnd(width)}  ${printable(detail)}`.trimEnd(),
      ...(hint === null ? [] : [`${' '.repeat(width + 8)}-> ${printable(hint)}`]),
    ]),
    count('fail') === 0 && count('warn') === 0
      ? `all is well: ${plural(checks.length, 'check')}`
      : `${plural(checks.length, 'check')}: ${count('fail')} failed, ${plural(count('warn'), 'warning')}`,
  ];
};

/** The checks of the app; a configuration that can't be read is itself the first thing that is wrong. */
const examine = async (session: Session): Promise<DoctorReport> => {
  try {
    await session.warnAboutConfig();
  } catch (error) {
    if (!(error instanceof DeployError) || error.code === 'bug') throw error;
    const { message, details, hint = null } = error;
    const detail = [message, ...details].join('\n');
    return { ok: false, checks: [{ name: 'configuration', status: 'fail', detail, hint }] };
  }
  return session.withApp((app) => app.doctor());
};

export const defineDoctor: DefineVerb = (program, schedule) => {
  const command = program
    .command('doctor')
    .description('check this host and say what to fix; exit 3 when a check fails')
    .addHelpText('after', examples([['doctor', 'before the first deploy, or when something is odd']]));
  command.action(() =>
    schedule({
      command,
      interruption: 'reads',
      job: async (session) => {
        const report = await examine(session);
        const show = report.ok ? session.showUnlessQuiet : session.show;
        show(report, (view) => doctorLines(report, view));
        return report.ok ? undefined : exitCodes['check-failed'];
      },
    }),
  );
};
