import type { GateSpec } from '../config/config.ts';
import { commandGate } from './command.ts';
import { containerGate } from './container.ts';
import type { Gate, GateContext } from './gate.ts';
import { httpGate } from './http.ts';
import { mongoGate } from './mongo.ts';
import { pageGate } from './page.ts';
import { qdrantGate } from './qdrant.ts';
import { rabbitmqGate } from './rabbitmq.ts';
import { redisGate } from './redis.ts';
import { tcpGate } from './tcp.ts';
import { webhookGate } from './webhook.ts';

const GATES = {
  http: httpGate,
  webhook: webhookGate,
  page: pageGate,
  tcp: tcpGate,
  mongo: mongoGate,
  redis: redisGate,
  rabbitmq: rabbitmqGate,
  qdrant: qdrantGate,
  container: containerGate,
  command: commandGate,
} satisfies {
  readonly [Type in GateSpec['type']]: (spec: Extract<GateSpec, { type: Type }>, context: GateContext) => Gate;
};

/** The gate that a spec describes. Errors: 'config-invalid' for a JSON path that can't be read. */
export const createGate = (spec: GateSpec, context: GateContext): Gate =>
  // The table's type ties each function to its spec; TypeScript can't follow that through an index.
  (GATES[spec.type] as (spec: GateSpec, context: GateContext) => Gate)(spec, context);
