import type { App, OperationRequest } from '../deploy/app.ts';
import type { View } from './render/view.ts';
import type { Session } from './session.ts';

export interface Operate<T> {
  readonly request: OperationRequest;
  /** What is asked before it runs ("prune"), when it destroys something; null when it never does. */
  readonly confirm: string | null;
  run(app: App): Promise<T>;
  lines(result: T, view: View): readonly string[];
}

/** What every verb that changes something does: the plan with --dry-run, else ask, run and show. */
export const operate = async <T>(
  session: Session,
  { request, confirm, run, lines }: Operate<T>,
): Promise<undefined> => {
  const { dryRun } = session.options;
  if (confirm !== null && !dryRun) session.assertConfirmable(confirm);
  await session.warnAboutConfig();
  await session.withApp(async (app) => {
    if (dryRun) {
      session.showPlan(await app.plan(request));
      return;
    }
    if (confirm !== null) await session.confirm(confirm, () => app.plan(request));
    const result = await run(app);
    session.show(result, (view) => lines(result, view));
  });
};
