import type { LockStatus, RunningOperation, StatusReport } from '../../deploy/results.ts';
import type { OperationRecord } from '../../operation/operations.ts';
import { copyStatusLines } from './copies.ts';
import { formatAgo, formatDuration, operationName } from './format.ts';
import { newStep, runningLine } from './steps.ts';
import { table } from './table.ts';
import type { View } from './view.ts';

export const lockLine = (lock: LockStatus, now: Date): string => {
  if (!lock.held) return 'lock: free';
  const { holder, pid } = lock;
  if (holder === null) return `lock: held by ${pid === null ? 'a process' : `process ${pid}`} that does not answer`;
  const what = operationName(holder);
  return `lock: held by ${what} of ${holder.who} (process ${holder.pid}), since ${formatAgo(holder.since, now)}`;
};

export const operationText = (record: OperationRecord, now: Date): string => {
  const took = record.durationMs === null ? '' : `, took ${formatDuration(record.durationMs)}`;
  return `${record.kind} ${record.subject}: ${record.outcome ?? 'unfinished'}, ${formatAgo(record.startedAt, now)}${took}`;
};

const heading = ({ project, destination, live }: StatusReport, now: Date): string => {
  const name = destination === null ? project : `${project} (${destination})`;
  if (live === null) return `${name}: nothing deployed by kaleem-deploy yet`;
  const verb = live.origin === 'adopted' ? 'found running' : 'deployed';
  return `${name}: ${live.tag}, release ${live.id}, ${verb} ${formatAgo(live.at, now)} by ${live.who}`;
};

const serviceTable = (report: StatusReport, now: Date): readonly string[] =>
  table(
    [{ title: 'SERVICE' }, { title: 'STATE' }, { title: 'HEALTH' }, { title: 'STARTED' }, { title: 'IMAGE' }],
    report.services.map(({ service, state, restartCount, health, startedAt, image, asReleased }) => [
      service,
      restartCount > 0 ? `${state} (${restartCount} restarts)` : state,
      health,
      startedAt === null ? null : formatAgo(startedAt, now),
      asReleased ? image : `${image ?? '-'} (not the release's)`,
    ]),
  );

const runningLines = (running: RunningOperation): readonly string[] => [
  `running: ${operationName(running)}, ${formatDuration(running.elapsedMs)} so far${running.aborting ? ', aborting' : ''}`,
  ...running.steps.map(
    (step) => `  ${runningLine({ ...newStep(step.title, 0), ...step }, step.elapsedMs, Number.POSITIVE_INFINITY)}`,
  ),
];

export const statusLines = (report: StatusReport, { now, paint }: View): readonly string[] => [
  heading(report, now),
  '',
  ...(report.services.length === 0 ? ['no containers'] : serviceTable(report, now)),
  '',
  report.fence === null
    ? 'fence: down, requests get through'
    : `fence: raised by ${report.fence.operation} ${formatAgo(report.fence.since, now)}, requests get 503`,
  lockLine(report.lock, now),
  ...(report.running === null ? [] : runningLines(report.running)),
  ...(report.lastOperation === null || report.lastOperation.id === report.running?.operation
    ? []
    : [`last operation: ${operationText(report.lastOperation, now)}`]),
  ...(report.lastDrill === null || report.lastDrill.outcome === 'succeeded'
    ? []
    : [`${paint('red', 'the last drill failed:')} ${report.lastDrill.error?.message ?? 'it did not end'}`]),
  ...copyStatusLines(report.copies, { now, paint }),
  ...(report.unfinished === null
    ? []
    : [`${paint('yellow', 'unfinished:')} ${report.unfinished.id}, ${operationText(report.unfinished, now)}`]),
  ...report.warnings.map((warning) => `${paint('yellow', 'warning:')} ${warning}`),
];
