import type { DeployPlan } from './plan.ts';
import type { DeployResult, ImageChange } from './results.ts';
import type { Run } from './run.ts';

export const imageChanges = ({ images, old }: DeployPlan): readonly ImageChange[] =>
  images.map(({ variable, reference, digest }) => ({
    variable,
    from: old?.release.images.find((each) => each.variable === variable)?.reference ?? null,
    to: reference,
    digest,
  }));

/** A finished run, as `--json` prints it. */
export const deployResult = (run: Run, kind: 'deploy' | 'rollback'): DeployResult => {
  const { plan, operation, context, backup } = run;
  const securedBy = run.snapshot !== null ? 'volume' : backup !== null ? 'archive' : null;
  const database = run.restored !== null ? 'restored' : securedBy !== null ? 'backed-up' : 'untouched';
  return {
    ...{ operation: operation.id, kind, tag: plan.tag, database },
    release: run.release?.id ?? plan.old?.release.id ?? 0,
    previous: plan.old?.release.tag ?? null,
    images: imageChanges(plan),
    downtimeMs: run.downtimeMs,
    elapsedMs: Math.round(context.clock.monotonic() - run.startedAt),
    backup: backup?.id ?? null,
    securedBy,
    gates: run.gates,
    steps: run.steps,
    warnings: plan.warnings,
  };
};
