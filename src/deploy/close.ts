import type { ContainerState } from '../compose/engine.ts';
import { DeployError } from '../errors.ts';
import { replaceFile } from '../system/durable-file.ts';
import type { Context } from './context.ts';
import { createFence, type Fence } from './fence/fence.ts';
import { type Firewall, openFirewall } from './fence/firewall.ts';
import type { Detached } from './fence/networks.ts';
import { readMaintenance } from './maintenance-record.ts';
import { fencedPorts } from './plan.ts';
import { NOTE, type Run } from './run.ts';
import { holdRestarts, ofServices, projectContainers, stopGracefully } from './writers.ts';

/** The edge has nothing to finish: those behind it have stopped. */
const EDGE_GRACE_MS = 1_000;

/** Services that may write, of both releases. */
const writersOf = ({ plan }: Run): readonly string[] => [
  ...new Set([...plan.roles.writers, ...(plan.old?.roles.writers ?? [])]),
];

const edgesOf = ({ plan }: Run): readonly string[] => [
  ...new Set([...plan.roles.edge, ...(plan.old?.roles.edge ?? [])]),
];

/** Null: writers and edge are stopped instead. */
const chooseFirewall = async ({ config, commands }: Context): Promise<Firewall | null> => {
  const firewall = config.fence.mode === 'stop' ? null : await openFirewall(commands);
  if (firewall === null && config.fence.mode === 'firewall') {
    throw new DeployError('unsupported', 'the firewall is out of reach: not root, or no iptables', {
      hint: 'run this as root, or set `fence: {mode: auto}` in kaleem-deploy.yml',
    });
  }
  return firewall;
};

/** The operation's fence, as it stands or does not stand yet. `detached`: what it had taken off networks before. */
export const openFence = async (
  { context, plan, operation, state }: Run,
  firewall: Firewall | null,
  containers: readonly ContainerState[],
  detached: readonly Detached[] = [],
): Promise<Fence> => {
  const { docker, project, config, progress } = context;
  return createFence({
    ...{ operation, firewall, docker, project: project.name, detached },
    ports: fencedPorts(plan, containers),
    maintenance: (await readMaintenance(state))?.operation ?? null,
    retryAfterSeconds: config.fence.retryAfterSeconds,
    warn: progress.warn,
  });
};

/** From here on no outside request reaches a writer. Nothing to do when no writer changes. */
export const raiseFence = async (run: Run): Promise<void> => {
  const { context, plan, operation } = run;
  if (!plan.writersChange) return;
  const { progress } = context;
  const containers = await projectContainers(context);
  const fence = run.fence ?? (await openFence(run, await chooseFirewall(context), containers));
  run.fence = fence;
  await operation.note(NOTE.fence, { mode: fence.mode });
  if (plan.old !== null && plan.old.running.size > 0) run.fencedAt = context.clock.monotonic();
  const since = context.clock.now().toISOString();
  await replaceFile(run.state.file('fence.json'), `${JSON.stringify({ operation: operation.id, since })}\n`);
  await progress.step('raise the fence', async (step) => {
    await fence.raise();
    await holdRestarts(context, operation, ofServices(containers, [...writersOf(run), ...edgesOf(run)]));
    await fence.isolate(ofServices(containers, writersOf(run)).map((each) => each.id));
    step.summary(fence.mode === 'firewall' ? 'outside requests get 503' : 'by stopping writers and edge');
  });
};

/** Lets the old writers finish what they are at, stops them, and resets the connections that are left. */
export const stopWriters = async (run: Run): Promise<void> => {
  const { context, plan, operation, fence } = run;
  if (fence === null) return;
  const names = fence.mode === 'stop' ? [...writersOf(run), ...edgesOf(run)] : writersOf(run);
  await context.progress.step(`stop the writers (${writersOf(run).join(', ')})`, async () => {
    const containers = await projectContainers(context);
    const { old } = plan;
    await stopGracefully(context, operation, ofServices(containers, names), {
      levels: old?.levels ?? plan.levels,
      graceMs: (service) => (old?.rendered.services[service] ?? plan.rendered.services[service])?.stopGraceMs ?? 10_000,
    });
    await fence.cut();
  });
};

/** What the edge took in before the cut it may still hold, and would hand to the new version at the old one's address. */
export const stopEdge = async (run: Run): Promise<void> => {
  const { context, operation, fence } = run;
  if (fence?.mode !== 'firewall') return;
  const edge = ofServices(await projectContainers(context), edgesOf(run));
  await stopGracefully(context, operation, edge, { levels: [], graceMs: () => EDGE_GRACE_MS });
};
