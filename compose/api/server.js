// The api of the demo: real connections to MongoDB, Redis, RabbitMQ and Qdrant, and orders that must survive a deploy.
import { createServer } from 'node:http';
import { connectMongo, connectQueue, connectRedis } from './connections.js';
import { healthFaults, processFaults } from './faults.js';
import { healthOf } from './health.js';
import { migrate } from './migrations.js';
import { ordersIn } from './orders.js';
import { fault, version } from './settings.js';

const graceMs = 2500;

await processFaults[fault]?.();

const mongo = connectMongo();
await mongo.connect();
await migrate(mongo.db());
const redis = connectRedis();
const queue = connectQueue('orders');
const orders = ordersIn({ mongo, redis, queue });
let stopping = false;

async function health() {
  const body = await healthOf({ mongo, redis, queue });
  const honest = { status: body.status === 'ok' ? 200 : 503, body };
  return healthFaults[fault]?.(honest) ?? honest;
}

async function acceptOrder(request) {
  const order = await jsonOf(request);
  const outcome = await orders.accept(order ?? {});
  const status = { accepted: 201, duplicate: 409, invalid: 400 }[outcome];
  return { status, body: { number: order?.number, outcome, acceptedBy: version } };
}

async function findOrders(_request, query) {
  if (query.has('from')) {
    return { status: 200, body: { orders: await orders.between(Number(query.get('from')), Number(query.get('to'))) } };
  }
  return { status: 200, body: { orders: await orders.withNumber(Number(query.get('number'))) } };
}

const routes = {
  'GET /api/health': health,
  'GET /api/version': () => ({ status: 200, body: { version } }),
  'POST /api/webhook': async (request) => {
    for await (const _chunk of request);
    return { status: 204 };
  },
  'POST /api/orders': acceptOrder,
  'GET /api/orders': findOrders,
  'GET /api/orders/count': async () => ({ status: 200, body: { count: await orders.count() } }),
};

async function jsonOf(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > 100_000) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function answerTo(request) {
  const { pathname, searchParams } = new URL(request.url, 'http://api');
  const route = routes[`${request.method} ${pathname}`];
  if (route === undefined) return { status: 404, body: { error: 'not found' } };
  try {
    return await route(request, searchParams);
  } catch (error) {
    console.error(`${request.method} ${pathname}: ${error.message}`);
    return { status: 500, body: { error: error.message } };
  }
}

const server = createServer({ keepAliveTimeout: 65_000 }, async (request, response) => {
  const { status, body } = await answerTo(request);
  response.setHeader('x-kaleem-version', version);
  if (stopping) response.setHeader('connection', 'close');
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});

// Stops accepting, finishes what was begun, and is gone in less than three seconds.
async function stop() {
  if (stopping) return;
  stopping = true;
  const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
  clearTimeout(deadline);
  setTimeout(() => process.exit(0), 300).unref();
  await Promise.allSettled([mongo.close(), redis?.quit(), queue?.close()]);
  process.exit(0);
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.listen(3000, '0.0.0.0', () => console.log(`kaleem-api ${version} serves`));
