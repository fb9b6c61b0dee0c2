import { DeployError } from '../errors.ts';
import type { Session } from './operate.ts';
import { projectContainers } from './writers.ts';

export interface LogLine {
  readonly service: string;
  readonly container: string;
  readonly text: string;
}

export interface LogsRequest {
  /** Empty: every service. */
  readonly services: readonly string[];
  readonly follow: boolean;
  /** Last lines of each container. Null: all of them. */
  readonly tail: number | null;
  readonly onLine: (line: LogLine) => void;
}

/** The containers' own output, as it comes. */
export const logs = async (session: Session, request: LogsRequest): Promise<void> => {
  const context = await session.context();
  const containers = await projectContainers(context);
  const known = new Set(containers.map((each) => each.service));
  const unknown = request.services.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new DeployError('not-found', `there is no container of ${unknown}`, {
      hint: `services with a container: ${[...known].sort().join(', ') || 'none'}`,
    });
  }
  const wanted = containers.filter((each) => request.services.length === 0 || request.services.includes(each.service));
  await Promise.all(
    wanted.map((each) =>
      context.docker.streamLogs(each.id, {
        ...{ follow: request.follow, lines: request.tail, signal: context.signal },
        onLine: (text) => request.onLine({ service: each.service, container: each.name, text }),
      }),
    ),
  );
};
