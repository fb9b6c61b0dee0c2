import { askToAbort } from '../operation/runner/follower.ts';
import { currentUser } from '../operation/user.ts';
import { exitCodes } from './exit-codes.ts';
import { type Found, findRunner } from './find-runner.ts';
import { followFound } from './follow.ts';
import { formatAgo, operationName } from './render/format.ts';
import { operationText } from './render/status.ts';
import type { Session } from './session.ts';
import { type DefineVerb, examples } from './verb.ts';

const follow = async (session: Session, doing: string, first: (found: Found) => void): Promise<number> => {
  const sought = await session.withApp((app) => findRunner(session, app));
  const now = session.clock.now();
  if (!sought.running) {
    const { requestId } = session.options;
    const none = requestId === null ? 'nothing was ever run here' : `nothing was asked for as ${requestId}`;
    const last = sought.lastOperation;
    const text = last === null ? none : `the last operation was ${operationText(last, now)}`;
    session.show(sought, () => [`nothing runs; ${text}`]);
    return exitCodes['check-failed'];
  }
  const { found } = sought;
  const { kind, who, since } = found.holder;
  const name = operationName(found.holder);
  if (!session.options.json) session.events.note(`${doing} ${name} of ${who}, begun ${formatAgo(since, now)}`);
  first(found);
  return followFound(session, { marker: found.marker, channel: found.channel, kind });
};

export const defineAttach: DefineVerb = (program, schedule) => {
  const command = program
    .command('attach')
    .description('follow the operation that runs, from its beginning; ends with its exit code')
    .addHelpText('after', examples([['attach', 'after a dropped connection; Ctrl-C only stops following']]));
  command.action(() =>
    schedule({
      ...{ command, interruption: 'reads', elsewhere: { type: 'follows' } },
      job: (session) => follow(session, 'following', () => {}),
    }),
  );
};

export const defineAbort: DefineVerb = (program, schedule) => {
  const command = program
    .command('abort')
    .description('have the operation that runs go back, and follow it until it has')
    .addHelpText('after', examples([['abort', 'exit 130 once everything is as it was; 0 when it was done already']]));
  command.action(() =>
    schedule({
      ...{ command, interruption: 'reads', elsewhere: { type: 'follows' } },
      job: (session) =>
        follow(session, 'aborting', ({ channel }) => askToAbort(channel, `kaleem-deploy abort by ${currentUser()}`)),
    }),
  );
};
