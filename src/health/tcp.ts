import { connect } from 'node:net';
import type { GateSpec } from '../config/config.ts';
import { systemClock } from '../system/clock.ts';
import { duration } from './detail.ts';
import { defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { reachPlanned } from './planned.ts';

/** How long an accepted connection must stay open. */
const STAYS_MS = 100;

/**
 * A connection is accepted and kept: Docker's port proxy accepts for a container that does not listen yet, and closes at
 * once. A server that says something first has passed, whatever it does next.
 */
export const tcpGate = (spec: Extract<GateSpec, { type: 'tcp' }>, context: GateContext): Gate =>
  defineGate({
    spec,
    async attempt({ signal }) {
      const at = await reachPlanned(context, spec, signal);
      const started = systemClock.monotonic();
      let connectedMs = 0;
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ host: at.host, port: at.port, signal });
        const end = (act: () => void) => {
          socket.destroy();
          act();
        };
        const closed = () =>
          end(() => reject(new GateFailure(`${spec.host}:${spec.port} accepted the connection and closed it at once`)));
        socket.once('connect', () => {
          connectedMs = systemClock.monotonic() - started;
          systemClock.sleep(STAYS_MS, signal).then(() => end(resolve), reject);
        });
        socket.once('data', () => end(resolve));
        socket.once('end', closed);
        socket.on('error', (error) => (connectedMs > 0 && !signal.aborted ? closed() : end(() => reject(error))));
      });
      return `connected in ${duration(connectedMs)}`;
    },
  });
