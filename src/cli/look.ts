import type { App } from '../deploy/app.ts';
import type { View } from './render/view.ts';
import type { Session } from './session.ts';
import type { Schedule, Scheduled } from './verb.ts';

export interface Look<T> {
  readonly command: Scheduled['command'];
  read(app: App): Promise<T>;
  lines(result: T, view: View): readonly string[];
  /** Makes it a check: of a result that is no error and yet not well; undefined: it is well, which --quiet leaves unsaid. */
  exitCode?(result: T): number | undefined;
}

/** What every verb that only looks does: ask, and show the answer. */
export const look = <T>(schedule: Schedule, { command, read, lines, exitCode }: Look<T>): void =>
  schedule({
    command,
    interruption: 'reads',
    job: (session: Session) =>
      session.withApp(async (app) => {
        const result = await read(app);
        const code = exitCode?.(result);
        // A check that finds nothing wrong has nothing to say to cron; a list is asked for to be seen.
        const show = exitCode !== undefined && code === undefined ? session.showUnlessQuiet : session.show;
        show(result, (view) => lines(result, view));
        return code;
      }),
  });
