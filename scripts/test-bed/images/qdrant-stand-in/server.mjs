// A stand-in for Qdrant, used where the real image cannot be pulled. It answers the REST paths that health checks,
// `init` steps and the demo need, with answers shaped as Qdrant's ({ result, status, time }), and keeps its data in
// /qdrant/storage. Search is exact (a scan), not an index; gRPC, filters, aliases, snapshots and clusters are missing.
import { createServer } from 'node:http';
import { openCollections } from './collections.mjs';

const collections = openCollections('/qdrant/storage/stand-in');

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const notFound = (name) => new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`);

function existing(name) {
  const collection = collections.get(name);
  if (collection === undefined) throw notFound(name);
  return collection;
}

const completed = { operation_id: 0, status: 'completed' };

function cosine(left, right) {
  const dot = left.reduce((sum, value, index) => sum + value * right[index], 0);
  return dot / (Math.hypot(...left) * Math.hypot(...right) || 1);
}

function search(name, { vector, limit = 10 }) {
  return [...existing(name).points.values()]
    .map(({ id, payload = null, vector: own }) => ({ id, version: 0, score: cosine(vector, own), payload }))
    .sort((left, right) => right.score - left.score)
    .slice(0, limit);
}

const routes = [
  ['GET', /^\/collections$/, () => ({ collections: collections.names().map((name) => ({ name })) })],
  [
    'GET',
    /^\/collections\/([^/]+)$/,
    ([name]) => {
      const { config, points } = existing(name);
      const count = points.size;
      return {
        status: 'green',
        optimizer_status: 'ok',
        points_count: count,
        segments_count: 1,
        config: { params: config },
      };
    },
  ],
  ['GET', /^\/collections\/([^/]+)\/exists$/, ([name]) => ({ exists: collections.get(name) !== undefined })],
  [
    'PUT',
    /^\/collections\/([^/]+)$/,
    ([name], body) => {
      if (collections.get(name) !== undefined) {
        throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`);
      }
      collections.create(name, body);
      return true;
    },
  ],
  ['DELETE', /^\/collections\/([^/]+)$/, ([name]) => collections.remove(name)],
  [
    'PUT',
    /^\/collections\/([^/]+)\/points$/,
    ([name], body) => {
      existing(name);
      if (!Array.isArray(body?.points)) throw new Refusal(400, 'Format error in JSON body: missing field `points`');
      collections.upsert(name, body.points);
      return completed;
    },
  ],
  [
    'POST',
    /^\/collections\/([^/]+)\/points\/delete$/,
    ([name], body) => {
      existing(name);
      collections.removePoints(name, body?.points ?? []);
      return completed;
    },
  ],
  ['POST', /^\/collections\/([^/]+)\/points\/search$/, ([name], body) => search(name, body)],
  ['POST', /^\/collections\/([^/]+)\/points\/count$/, ([name]) => ({ count: existing(name).points.size })],
  [
    'POST',
    /^\/collections\/([^/]+)\/points\/scroll$/,
    ([name], body) => ({
      points: [...existing(name).points.values()].slice(0, body?.limit ?? 10),
      next_page_offset: null,
    }),
  ],
  [
    'GET',
    /^\/collections\/([^/]+)\/points\/([^/]+)$/,
    ([name, id]) => {
      const point = existing(name).points.get(id);
      if (point === undefined) throw new Refusal(404, `Not found: Point with id ${id} does not exists!`);
      return point;
    },
  ],
];

const texts = {
  '/readyz': 'all shards are ready',
  '/healthz': 'healthz check passed',
  '/livez': 'healthz check passed',
};

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (chunks.length === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new Refusal(400, `Format error in JSON body: ${error.message}`);
  }
}

async function resultOf(request, path) {
  for (const [method, pattern, handle] of routes) {
    const match = method === request.method && pattern.exec(path);
    if (match) return handle(match.slice(1).map(decodeURIComponent), await bodyOf(request));
  }
  throw new Refusal(404, 'Not found');
}

async function answer(request, response) {
  const started = performance.now();
  const path = new URL(request.url, 'http://qdrant').pathname.replace(/(.)\/$/, '$1');
  const json = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (request.method === 'GET' && texts[path] !== undefined) {
    response.writeHead(200, { 'content-type': 'text/plain' }).end(texts[path]);
    return;
  }
  if (request.method === 'GET' && path === '/') {
    json(200, { title: 'qdrant - vector search engine (stand-in)', version: '1.0.0-stand-in' });
    return;
  }
  const time = () => (performance.now() - started) / 1000;
  try {
    json(200, { result: await resultOf(request, path), status: 'ok', time: time() });
  } catch (error) {
    json(error instanceof Refusal ? error.status : 500, { status: { error: error.message }, time: time() });
  }
}

const server = createServer(answer).listen(6333, '0.0.0.0');
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
