import { around } from '../../system/failpoints/around.ts';
import { accountStep } from './account.ts';
import type { Administrator } from './administrator.ts';
import { keyStep } from './authorize.ts';
import { dockerStep } from './docker.ts';
import { copyFirst, folderStep, isProjectFolder } from './folder.ts';
import { gateDirectory, gateStep } from './gate-file.ts';
import { type Found, lookAround, lookIntoFolder } from './look.ts';
import { nodeStep } from './node.ts';
import { openSite } from './site.ts';
import { type Finding, refuse, type Step, type Wishes } from './step.ts';
import { sudoStep } from './sudo-rule.ts';
import { systemStep } from './system.ts';
import { toolStep } from './tool.ts';
import { unitStep } from './unit.ts';

const STEPS: readonly Step[] = [
  ...[systemStep, dockerStep, nodeStep, toolStep],
  ...[accountStep, sudoStep, folderStep, gateStep, keyStep, unitStep],
];

/** `ok`: there was nothing to do. */
export type StepOutcome = 'ok' | 'done' | 'would';

export interface StepReport {
  readonly name: string;
  readonly outcome: StepOutcome;
  readonly detail: string;
}

export interface SetupRequest extends Omit<Wishes, 'directory'> {
  /** Null: the one that the host's gate leads to, else `defaultDirectory`. */
  readonly directory: string | null;
  readonly defaultDirectory: string;
  readonly dryRun: boolean;
  readonly host: string;
}

export interface SetupWatcher {
  begun(name: string, would: string): void;
  ended(report: StepReport): void;
}

export interface SetupResult {
  readonly directory: string;
  readonly steps: readonly StepReport[];
  /** What a person still has to copy; null: nothing. */
  readonly missing: string | null;
}

const chooseDirectory = (found: Found, { directory, defaultDirectory }: SetupRequest): string => {
  const chosen = directory ?? gateDirectory(found) ?? defaultDirectory;
  if (isProjectFolder(chosen)) return chosen;
  return refuse(
    `'${chosen}' is no folder for a project on the host`,
    '--directory /srv/NAME: an absolute path, without a slash at its end',
  );
};

/**
 * Looks, decides about every step before anything is changed, then does what is to be done, in order. What an earlier run has done is found, and
 * not done again.
 * @throws DeployError 'unsupported' before anything is changed; 'setup-failed' at the step that failed; 'remote-unreachable'
 */
export const setUp = async (
  there: Administrator,
  request: SetupRequest,
  watcher: SetupWatcher,
): Promise<SetupResult> => {
  const before = await lookAround(there, request.account);
  const directory = chooseDirectory(before, request);
  const found: Found = new Map([...before, ...(await lookIntoFolder(there, directory))]);
  const wishes: Wishes = { ...request, directory };
  const findings = STEPS.map((step) => ({ name: step.name, finding: step.decide(found, wishes) }));
  const site = openSite(there, request.host);

  const run = async (name: string, finding: Finding): Promise<StepReport> => {
    if (finding.is === 'ok') return { name, outcome: 'ok', detail: finding.detail };
    if (request.dryRun) return { name, outcome: 'would', detail: finding.would };
    watcher.begun(name, finding.would);
    return { name, outcome: 'done', detail: await around('setup.step', () => finding.act(site)) };
  };
  const steps: StepReport[] = [];
  for (const { name, finding } of findings) {
    const report = await run(name, finding);
    watcher.ended(report);
    steps.push(report);
  }
  return { directory, steps, missing: copyFirst(found, directory) };
};
