import type { Reached } from '../compose/address.ts';
import type { ContainerState } from '../compose/engine.ts';
import { abortable } from './abortable.ts';
import { shortId } from './detail.ts';
import { type GateContext, GateFailure } from './gate.ts';

/**
 * Where to dial for `host:port`, once it is sure that the container there runs the planned image: an old container that
 * still answers must not pass for the new one. Looked at before dialing, as containers only ever change to the planned one.
 */
export const reachPlanned = async (
  context: GateContext,
  target: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Reached> => {
  const reached = await abortable(context.reach(target.host, target.port), signal);
  if (reached.service === null) return reached;
  const planned = context.plannedImageId(reached.service);
  if (planned === null) return reached;
  const running = (await abortable(context.container(reached.service), signal)).filter(isRunning);
  if (running.length === 0) throw new GateFailure(`no container of ${reached.service} is running`);
  const there = running.filter(({ networks }) =>
    networks.some(({ ipv4, ipv6 }) => ipv4 === reached.host || ipv6 === reached.host),
  );
  // Behind a published port it may be any of them.
  assertPlanned(reached.service, there.length > 0 ? there : running, planned);
  return reached;
};

/** Throws a GateFailure that names the first container whose image is not the planned one. */
export const assertPlanned = (service: string, containers: readonly ContainerState[], planned: string): void => {
  const old = containers.find(({ imageId }) => imageId !== planned);
  if (old === undefined) return;
  throw new GateFailure(
    `${service}: container ${old.name} runs image ${shortId(old.imageId)} (${old.image}), not the planned ${shortId(planned)}`,
  );
};

const isRunning = ({ state, oneOff }: ContainerState): boolean => state === 'running' && !oneOff;
