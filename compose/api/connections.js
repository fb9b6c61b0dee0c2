// The four servers behind the api. Each connection comes back by itself after its server did.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectToRabbit } from 'amqplib';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { mongodbUri, qdrantUrl, rabbitmqUrl, redisUrl } from './settings.js';

export function connectMongo() {
  return new MongoClient(mongodbUri, { serverSelectionTimeoutMS: 3000, connectTimeoutMS: 3000 });
}

export function connectRedis() {
  if (redisUrl === undefined) return undefined;
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1, connectTimeout: 2000 });
  redis.on('error', (error) => console.error(`redis: ${error.message}`));
  return redis;
}

/** A queue that accepted orders are announced on; nobody consumes it in the demo, so it keeps the last 10 000. */
export function connectQueue(name) {
  if (rabbitmqUrl === undefined) return undefined;
  let channel;
  let connection;
  let closing = false;

  async function keepConnected() {
    while (!closing) {
      try {
        connection = await connectToRabbit(rabbitmqUrl, { timeout: 3000 });
        const closed = new Promise((resolve) => {
          connection.on('error', (error) => console.error(`rabbitmq: ${error.message}`));
          connection.on('close', resolve);
        });
        const opened = await connection.createConfirmChannel();
        opened.on('error', (error) => console.error(`rabbitmq: ${error.message}`));
        await opened.assertQueue(name, { durable: true, arguments: { 'x-max-length': 10_000 } });
        channel = opened;
        await closed;
      } catch (error) {
        console.error(`rabbitmq: ${error.message}`);
      }
      channel = undefined;
      if (!closing) await sleep(500);
    }
  }
  keepConnected();

  const open = () => {
    if (channel === undefined) throw new Error('not connected');
    return channel;
  };
  return {
    check: async () => open().checkQueue(name),
    publish: async (message) => {
      const current = open();
      current.sendToQueue(name, Buffer.from(JSON.stringify(message)), { persistent: true });
      await current.waitForConfirms();
    },
    close: async () => {
      closing = true;
      await connection?.close();
    },
  };
}

export async function askQdrant(path, signal) {
  const response = await fetch(new URL(path, qdrantUrl), { signal });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
}
