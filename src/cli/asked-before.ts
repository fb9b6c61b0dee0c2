import type { OperationRequest } from '../deploy/app.ts';
import { DeployError } from '../errors.ts';
import { findRunner } from './find-runner.ts';
import { followFound } from './follow.ts';
import { operationName } from './render/format.ts';
import { operationText } from './render/status.ts';
import type { Session } from './session.ts';
import { showError } from './show-error.ts';

const refuseAnother = (
  requestId: string,
  request: OperationRequest,
  was: { readonly kind: string; readonly name: string; readonly subject: string | null },
): void => {
  const isSame =
    request.kind === was.kind && (request.kind !== 'deploy' || [null, request.request.tag].includes(was.subject));
  if (isSame) return;
  throw new DeployError('usage', `--request-id ${requestId} was given to something else before: ${was.name}`, {
    hint: 'give each request a name of its own',
  });
};

/**
 * What was asked for under this name before is followed if it runs, and shown if it is over.
 * @returns its exit code; null: it was not asked for before
 * @throws DeployError 'usage' where it was something else, 'runner-died'
 */
export const askedBefore = async (session: Session, request: OperationRequest): Promise<number | null> => {
  const { options, clock } = session;
  const { requestId } = options;
  if (requestId === null) return null;
  const sought = await session.withApp((app) => findRunner(session, app));
  if (sought.running) {
    const { marker, channel, holder } = sought.found;
    refuseAnother(requestId, request, { kind: holder.kind, name: operationName(holder), subject: null });
    return followFound(session, { marker, channel, kind: holder.kind });
  }
  const { lastOperation: record } = sought;
  if (record === null) return null;
  const { id, kind, subject, outcome, exitCode, error } = record;
  refuseAnother(requestId, request, { kind, name: `${kind} ${id} (${subject})`, subject });
  if (exitCode === null) {
    throw new DeployError('runner-died', `the process that ran ${kind} ${id} died`, {
      hint: `kaleem-deploy ${outcome === null ? 'recover finishes or undoes it' : 'status says what is live since it was recovered'}`,
    });
  }
  if (error !== null) return showError(session, { report: { ...error, details: [] }, exitCode, causes: [] });
  session.show(sought, () => [`it was done before: ${operationText(record, clock.now())}`]);
  return exitCode;
};
