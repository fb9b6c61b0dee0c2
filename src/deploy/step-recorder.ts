import type { Clock } from '../system/clock.ts';
import type { Progress } from '../system/progress.ts';
import type { StepReport } from './results.ts';

/** A progress that also remembers what every step came to, for the result. */
export const recordSteps = (progress: Progress, clock: Clock): Progress & { readonly steps: readonly StepReport[] } => {
  const steps: StepReport[] = [];
  return {
    ...progress,
    steps,
    step: (title, run) => {
      const started = clock.monotonic();
      let summary: string | null = null;
      return progress.step(title, async (step) => {
        const value = await run({
          ...step,
          summary(text) {
            summary = text;
            step.summary(text);
          },
        });
        steps.push({ title, elapsedMs: Math.round(clock.monotonic() - started), summary });
        return value;
      });
    },
  };
};
