import { reach } from '../compose/address.ts';
import type { ContainerState } from '../compose/engine.ts';
import type { GateSpec } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import type { Gate, GateContext } from '../health/gate.ts';
import { createGate } from '../health/gates.ts';
import { createHopelessWatch } from '../health/hopeless.ts';
import { type GateReport, pollGates } from '../health/poll.ts';
import { watchStability } from '../health/stability.ts';
import type { Context } from './context.ts';
import { lastWords } from './last-words.ts';
import { ofServices, projectContainers } from './writers.ts';

/** What must be true of the containers that the gates look at. */
export interface Expected {
  /** Service -> id of the image it must run; null: whatever it runs. */
  readonly imageIds: Readonly<Record<string, string | null>>;
  /** Services that must be running. */
  readonly running: readonly string[];
}

/** How old a listing of containers may be that gates share: they all look at once, and each would ask the engine. */
const SHARED_MS = 250;

const sharedListing = (context: Context): (() => Promise<readonly ContainerState[]>) => {
  const { clock } = context;
  let askedAt = Number.NEGATIVE_INFINITY;
  let listing: Promise<readonly ContainerState[]> = Promise.resolve([]);
  return () => {
    if (clock.monotonic() - askedAt >= SHARED_MS) {
      askedAt = clock.monotonic();
      listing = projectContainers(context);
    }
    return listing;
  };
};

const gateContext = (context: Context, expected: Expected, baseline: readonly ContainerState[]): GateContext => {
  const containers = sharedListing(context);
  return {
    commands: context.commands,
    reach: async (host, port) => reach({ host, port }, await containers(), context.engine),
    container: async (service) => ofServices(await containers(), [service]),
    exec: async (service, argv, timeoutMs, signal) => {
      const [container] = ofServices(await containers(), [service]);
      if (container === undefined) throw new DeployError('not-found', `${service} has no container`);
      return context.docker.exec(container.id, argv, { timeoutMs, signal });
    },
    plannedImageId: (service) => expected.imageIds[service] ?? null,
    baseline: (service) => baseline.find((each) => each.service === service) ?? null,
  };
};

/** The configured gates, and one for the container of every service that must run. */
export const gateSpecs = (
  context: Context,
  configured: readonly GateSpec[],
  services: readonly string[],
): readonly GateSpec[] => {
  const { attempts, intervalMs } = context.config.attempts;
  const named = new Set(configured.flatMap((spec) => (spec.type === 'container' ? [spec.service] : [])));
  const containers = services
    .filter((service) => !named.has(service))
    .map(
      (service): GateSpec => ({
        type: 'container',
        name: `container ${service}`,
        service,
        attempts,
        intervalMs,
        timeoutMs: 10_000,
      }),
    );
  return [...containers, ...configured];
};

export const openGates = async (
  context: Context,
  specs: readonly GateSpec[],
  expected: Expected,
): Promise<readonly Gate[]> => {
  const world = gateContext(context, expected, await projectContainers(context));
  return specs.map((spec) => createGate(spec, world));
};

const isSecondary = (report: Partial<GateReport>): boolean => report.stoppedEarly === true;

export interface PassOptions {
  /** Services whose last lines a failure shows. */
  readonly suspects: readonly string[];
  readonly stabilityMs: number;
  readonly title: string;
  /** Of the error when a gate fails. */
  readonly code: 'check-failed' | 'gate-failed-before';
}

/** The failed gate's last answer, and the last words of the containers that are to blame or may be. */
const failure = async (
  context: Context,
  { suspects, code }: PassOptions,
  failed: readonly Pick<GateReport, 'gate' | 'detail'>[],
): Promise<DeployError> => {
  // One that was given up because another had failed tells nothing.
  const [first] = failed.toSorted((a, b) => Number(isSecondary(a)) - Number(isSecondary(b)));
  const containers = ofServices(await projectContainers(context), suspects);
  const words = await Promise.all(containers.map((each) => lastWords(context, each)));
  const others = failed
    .filter((each) => each !== first && !isSecondary(each))
    .map((each) => `${each.gate}: ${each.detail}`);
  return new DeployError(code, `gate ${first?.gate} failed: ${first?.detail}`, {
    details: [...others, ...words.flat()],
  });
};

/** Polls every gate until it passes, then watches that containers stay up. Rejects with the first failure. */
export const passGates = async (
  context: Context,
  configured: readonly GateSpec[],
  expected: Expected,
  options: PassOptions,
): Promise<readonly GateReport[]> => {
  const { clock, progress, signal } = context;
  const gates = await openGates(context, gateSpecs(context, configured, expected.running), expected);
  return progress.step(options.title, async (step) => {
    const watched = async () => ofServices(await projectContainers(context), expected.running);
    const hopeless = createHopelessWatch({
      containers: watched,
      services: expected.running,
      baseline: () => null,
      clock,
    });
    const reports = await pollGates(gates, {
      ...{ clock, signal, hopeless },
      onResult: (report) => step.detail(`${report.gate}: ${report.detail}`),
    });
    if (reports.some((report) => !report.ok))
      throw await failure(
        context,
        options,
        reports.filter((report) => !report.ok),
      );
    if (options.stabilityMs > 0) {
      step.detail('watching that everything stays up');
      const problem = await watchStability({ containers: watched, stabilityMs: options.stabilityMs, clock, signal });
      if (problem !== null) {
        throw await failure(context, options, [{ gate: 'stability', detail: problem }]);
      }
    }
    step.summary(`${reports.length} gates passed`);
    return reports;
  });
};
