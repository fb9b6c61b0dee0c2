import { checkGatesOnce } from '../health/poll.ts';
import type { Context } from './context.ts';
import { openGates } from './gates.ts';
import type { DeployPlan } from './plan.ts';
import { projectContainers } from './writers.ts';

/** What was not well before an operation. */
export interface Condition {
  /** Names of gates that did not pass. */
  readonly failing: ReadonlySet<string>;
  /** Services whose containers were unhealthy or restarting. */
  readonly unwell: ReadonlySet<string>;
}

/**
 * Tries the gates on the release that runs now. A gate that it does not pass, such as a HEALTH_URL with a typing error,
 * must not keep it from coming back: that would turn a failed deploy into an outage. Webhooks are not sent for this.
 */
export const conditionBefore = async (context: Context, { old }: DeployPlan): Promise<Condition> => {
  const { config, clock, progress, signal } = context;
  if (old === null || old.running.size === 0) return { failing: new Set(), unwell: new Set() };
  const containers = await projectContainers(context);
  const unwell = containers.filter((each) => each.state === 'restarting' || each.health === 'unhealthy');
  const specs = config.gates.after.filter((gate) => gate.type !== 'webhook');
  const gates = await openGates(context, specs, { imageIds: {}, running: [] });
  const failed = (await checkGatesOnce(gates, { clock, signal })).filter((report) => !report.ok);
  for (const { gate, detail } of failed) {
    progress.warn(`gate ${gate} does not pass now, before the deploy: ${detail}`);
  }
  for (const { service, health } of unwell)
    progress.warn(`${service} is ${health ?? 'restarting'} now, before the deploy`);
  return { failing: new Set(failed.map((each) => each.gate)), unwell: new Set(unwell.map((each) => each.service)) };
};
