import { DeployError } from '../errors.ts';
import { replaceFile } from '../system/durable-file.ts';
import { createFence } from './fence/fence.ts';
import { openFirewall } from './fence/firewall.ts';
import { readMaintenance } from './maintenance-record.ts';
import { fencedPorts } from './plan.ts';
import type { Run } from './run.ts';
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

/** From here on no outside request reaches a writer. Nothing to do when no writer changes. */
export const raiseFence = async (run: Run): Promise<void> => {
  const { context, plan, operation } = run;
  if (!plan.writersChange) return;
  const { docker, project, config, commands, progress } = context;
  const containers = await projectContainers(context);
  const firewall = config.fence.mode === 'stop' ? null : await openFirewall(commands);
  if (firewall === null && config.fence.mode === 'firewall') {
    throw new DeployError('unsupported', 'the firewall is out of reach: not root, or no iptables', {
      hint: 'run this as root, or set `fence: {mode: auto}` in kaleem-deploy.yml',
    });
  }
  const fence = createFence({
    ...{ operation, firewall, docker, project: project.name },
    ports: fencedPorts(plan, containers),
    maintenance: (await readMaintenance(run.state))?.operation ?? null,
    retryAfterSeconds: config.fence.retryAfterSeconds,
    warn: progress.warn,
  });
  run.fence = fence;
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
    // What the edge took in before the cut it may still hold, and would hand to the new version at the old one's address.
    if (fence.mode === 'firewall') {
      const edge = ofServices(containers, edgesOf(run));
      await stopGracefully(context, operation, edge, { levels: [], graceMs: () => EDGE_GRACE_MS });
    }
  });
};
