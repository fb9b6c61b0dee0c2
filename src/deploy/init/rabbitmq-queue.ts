import { connect } from 'amqplib';
import { reach } from '../../compose/address.ts';
import { DeployError, messageOf } from '../../errors.ts';
import { projectContainers } from '../writers.ts';
import type { InitStep } from './step.ts';

const AMQP_PORT = 5672;
const TIMEOUT_MS = 10_000;

/** Declares a queue; the broker itself makes that idempotent, and refuses another kind of queue of the same name. */
export const rabbitmqQueue: InitStep<'rabbitmq-queue'> = async (context, spec) => {
  const at = reach({ host: spec.service, port: AMQP_PORT }, await projectContainers(context), context.engine);
  const url = new URL(context.config.environment.RABBITMQ_URL || `amqp://${spec.service}:${AMQP_PORT}`);
  url.hostname = at.host;
  url.port = String(at.port);
  try {
    const connection = await connect(url.href, { timeout: TIMEOUT_MS });
    try {
      const channel = await connection.createChannel();
      await channel.assertQueue(spec.queue, { durable: spec.durable });
      return `queue ${spec.queue} declared`;
    } finally {
      await connection.close();
    }
  } catch (error) {
    throw new DeployError('check-failed', `RabbitMQ: queue ${spec.queue} could not be declared: ${messageOf(error)}`, {
      cause: error,
    });
  }
};
