import type { BadInput } from './bad-input.ts';

const AT = /\.env:\d+/;

export const uris: readonly BadInput[] = [
  { what: 'a mistyped scheme', variables: { MONGODB_URI: 'mongo://mongo/kaleem' }, code: 10, says: [AT, "'mongo://"] },
  {
    what: 'a port that is none',
    variables: { MONGODB_URI: 'mongodb://mongo:70000/k' },
    code: 10,
    says: [AT, 'mongo:70000'],
  },
  {
    what: 'a bad percent-encoding',
    variables: { MONGODB_URI: 'mongodb://u:hunter%2@mongo/kaleem' },
    code: 10,
    says: [AT, "'mongodb://u:***@mongo/kaleem'", "'%'"],
  },
  {
    what: 'a database that is no name',
    variables: { MONGODB_URI: 'mongodb://mongo/a.b' },
    code: 10,
    says: [AT, "'a.b'"],
  },
  {
    what: "MongoDB's own database",
    variables: { MONGODB_URI: 'mongodb://mongo/admin' },
    code: 10,
    says: [AT, "'admin' is MongoDB's own database"],
  },
  {
    what: 'a health URL of another kind',
    variables: { HEALTH_URL: 'ftp://localhost/' },
    code: 10,
    says: [AT, "'ftp://localhost/'"],
  },
  {
    what: 'a health URL without a scheme',
    variables: { HEALTH_URL: 'localhost:80/a' },
    code: 10,
    says: [AT, 'no scheme'],
  },
  { what: 'a Redis URL of another kind', variables: { REDIS_URL: 'http://redis' }, code: 10, says: [AT, 'redis://'] },
  { what: 'a RabbitMQ URL of another kind', variables: { RABBITMQ_URL: 'mqtt://r' }, code: 10, says: [AT, 'amqp://'] },
  { what: 'a Qdrant URL of another kind', variables: { QDRANT_URL: 'grpc://q' }, code: 10, says: [AT, 'http://'] },
  {
    what: 'a database that nobody serves',
    variables: { MONGODB_URI: ({ deadPort }) => `mongodb://127.0.0.1:${deadPort}/kaleem` },
    here: true,
    slow: true,
    code: 12,
    says: [({ deadPort }) => `127.0.0.1:${deadPort}`],
  },
  {
    what: 'a database of a service that is none',
    variables: { MONGODB_URI: 'mongodb://mogno:27017/kaleem' },
    here: true,
    slow: true,
    code: 12,
    says: ['there is no host mogno'],
  },
];
