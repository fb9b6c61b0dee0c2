import type { RenderedProject } from '../compose/rendered.ts';
import type { GateSpec } from '../config/config.ts';
import { type Expected, passGates } from './gates.ts';
import type { Run } from './run.ts';
import { oneShots } from './switch.ts';
import { lateServices, startLate } from './switch-to-new.ts';

/** Image ids that the new release's services must run. */
const expected = (run: Run): Expected => {
  const pins = run.plan.images.flatMap(({ pinned, services }) => services.map((service) => [service, pinned] as const));
  const imageIds = pins.map(([service, pinned]) => [service, run.imageIds.get(pinned) ?? 'not on this host'] as const);
  return { imageIds: Object.fromEntries(imageIds), running: longRunning(run) };
};

/** Every service but those that others wait for to end. */
export const longRunning = ({ plan }: Run): readonly string[] => {
  const ends = oneShots(plan.pinned);
  return Object.keys(plan.pinned.services).filter((name) => !ends.has(name));
};

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Whether a gate's address is one of these services, by its name or by a port that it publishes. */
export const leadsTo = (
  gate: GateSpec,
  services: readonly string[],
  rendered: Pick<RenderedProject, 'services'>,
): boolean => {
  const target =
    gate.type === 'http' || gate.type === 'webhook' || gate.type === 'page'
      ? new URL(gate.url)
      : gate.type === 'tcp'
        ? { hostname: gate.host, port: String(gate.port), protocol: '' }
        : null;
  if (target === null) return false;
  const { hostname, protocol } = target;
  const port = Number(target.port || (protocol === 'https:' ? 443 : 80));
  if (services.includes(hostname)) return true;
  const published = services.flatMap((name) => rendered.services[name]?.ports ?? []);
  return LOOPBACK.has(hostname) && published.some((each) => each.published === port);
};

/** Every gate passes and everything stays up, or the deploy has failed. */
export const verify = async (run: Run): Promise<void> => {
  const { context, plan } = run;
  const { config } = context;
  const late = lateServices(run);
  if (late.length > 0) {
    const behind = config.gates.after.filter((gate) => !leadsTo(gate, late, plan.pinned));
    const { imageIds, running } = expected(run);
    await passGates(
      context,
      behind,
      { imageIds, running: running.filter((name) => !late.includes(name)) },
      {
        ...{ suspects: plan.images.flatMap((image) => image.services), stabilityMs: 0, code: 'check-failed' },
        title: `verify ${plan.tag} before the edge opens`,
      },
    );
    await startLate(run);
  }
  run.gates = await passGates(context, config.gates.after, expected(run), {
    suspects: plan.images.flatMap((image) => image.services),
    stabilityMs: plan.changed.size === 0 ? 0 : config.stabilityMs,
    title: `verify ${plan.tag}`,
    code: 'check-failed',
  });
};
