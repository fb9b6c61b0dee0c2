import { request } from 'node:http';
import type { Docker } from '../../compose/engine.ts';
import type { PublishedPort } from '../../compose/rendered.ts';
import { DeployError } from '../../errors.ts';
import type { Operation } from '../../operation/operations.ts';
import { around } from '../../system/failpoints/around.ts';
import type { Firewall } from './firewall.ts';
import { type Detached, detachFromOthers, reattach } from './networks.ts';
import { FENCE_HEADER, type Responder, startResponder } from './responder.ts';

const PROBE_TIMEOUT_MS = 2_000;

/** From `raise` to `lift`, no outside request reaches a writer. */
export interface Fence {
  /** `stop`: the firewall is out of reach, and writers and edge stay stopped instead. */
  readonly mode: 'firewall' | 'stop';
  /** New connections get 503. Checked: an answer of our own must come back from every fenced port. */
  raise(): Promise<void>;
  /** Connections that were open before the raise are reset. */
  cut(): Promise<void>;
  /** Takes these containers off networks that they share with the edge of another project. Run it again for new ones. */
  isolate(containers: readonly string[]): Promise<void>;
  lift(): Promise<void>;
}

export interface FenceOptions {
  readonly operation: Operation;
  /** Null: the firewall is out of reach. */
  readonly firewall: Firewall | null;
  readonly docker: Docker;
  readonly project: string;
  /** Ports of the edge and of the writers, old and new. */
  readonly ports: readonly PublishedPort[];
  /** The operation of `maintenance on`, whose fence stays up around this one. */
  readonly maintenance: string | null;
  readonly retryAfterSeconds: number;
  /** What this operation took off networks before its process died. */
  readonly detached?: readonly Detached[];
  readonly warn: (text: string) => void;
}

/** Asks a fenced port, as a client would, and says whether the fence answered. Redirects know no TLS: a reset is an answer too. */
const probe = (port: PublishedPort, operation: string): Promise<boolean> =>
  new Promise((resolve) => {
    const host = port.hostIp === null || port.hostIp === '0.0.0.0' || port.hostIp === '::' ? '127.0.0.1' : port.hostIp;
    const asked = request(
      { host, port: port.published, path: '/', agent: false, timeout: PROBE_TIMEOUT_MS },
      (response) => {
        response.destroy();
        resolve(response.headers[FENCE_HEADER] === operation);
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', () => resolve(false));
    asked.end();
  });

/** The fence where the firewall is out of reach: nothing to raise, since the caller keeps writers and edge stopped. */
const stoppedServices = (options: FenceOptions): Fence => ({
  mode: 'stop',
  async raise() {
    options.warn(
      'without the firewall writers and edge stay stopped instead; once the edge starts to be verified, outside requests ' +
        'reach the new version before the last verdict',
    );
  },
  async cut() {},
  async isolate() {},
  async lift() {},
});

export const createFence = (options: FenceOptions): Fence => {
  const { operation, firewall, docker, project } = options;
  if (firewall === null) return stoppedServices(options);
  const ports = options.ports.filter((port) => port.published !== 0);
  const owner = { project, operation: operation.id };
  let responder: Responder | null = null;
  let detached: readonly Detached[] = options.detached ?? [];

  return {
    mode: 'firewall',
    async raise() {
      responder = await around('fence.respond', () => startResponder(operation.id, options.retryAfterSeconds));
      const { port: responderPort } = responder;
      await operation.effect('fence.raise', { ports, responderPort }, () =>
        firewall.redirect(owner, ports, responderPort),
      );
      const tcp = ports.filter((port) => port.protocol === 'tcp');
      const answers = await Promise.all(tcp.map((port) => probe(port, operation.id)));
      const open = tcp.filter((_, index) => answers[index] === false).map((port) => port.published);
      if (open.length > 0) {
        throw new DeployError(
          'unsupported',
          `the fence did not close port ${open.join(', ')}: another rule stands before it`,
          {
            hint: 'set `fence: {mode: stop}` in kaleem-deploy.yml to stop the services instead',
          },
        );
      }
      // Nobody else works on this project now: what stands beside it is of operations that died, and would stay for good.
      for (const other of await firewall.operations(project)) {
        if (other === operation.id || other === options.maintenance) continue;
        await operation.effect('fence.lift-dead', { operation: other }, () => firewall.remove(project, other));
      }
    },
    async cut() {
      await operation.effect('fence.cut', { ports }, () => firewall.cut(owner, ports));
    },
    async isolate(containers) {
      detached = [
        ...detached,
        ...(await detachFromOthers({ docker, project, containers, operation, warn: options.warn })),
      ];
    },
    async lift() {
      await reattach(docker, project, operation, detached);
      detached = [];
      await operation.effect('fence.lift', {}, () => firewall.remove(project, operation.id));
      await responder?.close();
      responder = null;
    },
  };
};
