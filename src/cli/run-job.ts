import type { Ending } from '../operation/runner/protocol.ts';
import { isInterruption } from './interrupt.ts';
import type { Job } from './job.ts';
import { runOperation } from './operations.ts';
import { causeLines, reportError } from './render/error.ts';
import { openWorkspace, type WorkspaceOptions } from './workspace.ts';

/** Does what the job says. Never rejects: an error is an ending too. */
export const runJob = async (job: Job, world: Omit<WorkspaceOptions, 'options' | 'onConfig'>): Promise<Ending> => {
  let stateDirectory: string | null = null;
  const workspace = openWorkspace({
    ...world,
    options: job.options,
    onConfig: (config) => {
      ({ stateDirectory } = config);
    },
  });
  try {
    if (!job.warned) await workspace.warnAboutConfig();
    const result = await workspace.withApp((app) => runOperation(app, job.request));
    return { type: 'end', exitCode: 0, error: null, result };
  } catch (thrown) {
    const error = isInterruption(thrown, world.signal) ? world.signal.reason : thrown;
    const { report, exitCode } = reportError(error, { stateDirectory });
    return { type: 'end', exitCode, error: report, causes: causeLines(error) };
  }
};
