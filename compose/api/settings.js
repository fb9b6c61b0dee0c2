// What this image is (baked in) and where its servers are (from the environment).

export const version = process.env.KALEEM_VERSION ?? 'v0.0.0';

/** The way in which this image is broken on purpose, for tests; empty in a good one. */
export const fault = process.env.KALEEM_FAULT ?? '';

export const mongodbUri = direct(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017/kaleem');

// A server whose variable is absent is not used: small stacks for tests have MongoDB only.
export const redisUrl = process.env.REDIS_URL;
export const qdrantUrl = process.env.QDRANT_URL;
export const rabbitmqUrl = process.env.RABBITMQ_URL;

/** One server named by address: talk to it as it is, whatever its replica set calls its members. */
function direct(uri) {
  if (uri.startsWith('mongodb+srv:') || /[?&](replicaSet|directConnection)=/.test(uri)) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}directConnection=true`;
}
