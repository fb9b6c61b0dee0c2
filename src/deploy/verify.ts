import { type Expected, passGates } from './gates.ts';
import type { Run } from './run.ts';

/** Image ids that the new release's services must run. */
const expected = async (run: Run): Promise<Expected> => {
  const { plan, context } = run;
  const pins = plan.images.flatMap(({ pinned, services }) => services.map((service) => [service, pinned] as const));
  const imageIds = await Promise.all(
    pins.map(
      async ([service, pinned]) => [service, (await context.docker.image(pinned))?.id ?? 'not on this host'] as const,
    ),
  );
  return { imageIds: Object.fromEntries(imageIds), running: longRunning(run) };
};

/** Every service but those that others wait for to end. */
const longRunning = ({ plan }: Run): readonly string[] => {
  const { services } = plan.pinned;
  const waitedFor = Object.values(services).flatMap(({ dependsOn }) => Object.entries(dependsOn));
  const oneShots = new Set(
    waitedFor.filter(([, { condition }]) => condition === 'service_completed_successfully').map(([name]) => name),
  );
  return Object.keys(services).filter((name) => !oneShots.has(name));
};

/** Every gate passes and everything stays up, or the deploy has failed. */
export const verify = async (run: Run): Promise<void> => {
  const { context, plan } = run;
  const { config } = context;
  run.gates = await passGates(context, config.gates.after, await expected(run), {
    suspects: plan.images.flatMap((image) => image.services),
    stabilityMs: plan.changed.size === 0 ? 0 : config.stabilityMs,
    title: `verify ${plan.tag}`,
    code: 'check-failed',
  });
};
