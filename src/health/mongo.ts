import type { GateSpec } from '../config/config.ts';
import { abortable } from './abortable.ts';
import { defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { type MongoEndpoint, mongoEndpoints } from './mongo-endpoints.ts';
import { reachPlanned } from './planned.ts';
import { uriSecrets } from './secrets.ts';

/** MongoDB's code for wrong credentials (error_codes.yml: AuthenticationFailed). */
const AUTHENTICATION_FAILED = 18;

/** `ping` answers, with the URI's credentials; with `primary` the server also takes writes (a standalone does). */
export const mongoGate = (spec: Extract<GateSpec, { type: 'mongo' }>, context: GateContext): Gate =>
  defineGate({
    spec,
    secrets: uriSecrets(spec.uri),
    async attempt({ signal }) {
      const endpoints = await mongoEndpoints(spec.uri, (target) => reachPlanned(context, target, signal));
      // Of several members one is enough, as it is for the application.
      return Promise.any(endpoints.map((endpoint) => ask(endpoint, spec, signal))).catch(onlyError);
    },
  });

const ask = async (
  endpoint: MongoEndpoint,
  { primary, timeoutMs }: { readonly primary: boolean; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<string> => {
  const { MongoClient } = (await import('mongodb')).default;
  const client = new MongoClient(endpoint.uri, {
    ...endpoint.tls,
    appName: 'kaleem-deploy',
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
    maxPoolSize: 1,
  });
  const close = () => client.close().catch(() => {});
  try {
    return await abortable(
      (async () => {
        const admin = client.db('admin');
        await admin.command({ ping: 1 });
        const hello = await admin.command({ hello: 1 });
        if (primary && hello.isWritablePrimary !== true) throw new GateFailure(notPrimary(hello));
        return hello.isWritablePrimary === true ? 'ping answered by a primary' : 'ping answered by a secondary';
      })(),
      signal,
    );
  } catch (error) {
    throw (error as { code?: unknown }).code === AUTHENTICATION_FAILED
      ? new GateFailure('MongoDB refused the user name or password')
      : error;
  } finally {
    // A server that hangs must not hold up an aborted try.
    if (signal.aborted) void close();
    else await close();
  }
};

const notPrimary = (hello: Record<string, unknown>): string => {
  if (hello.isreplicaset === true) return 'ping answered, but the replica set has not been initiated';
  const primary = typeof hello.primary === 'string' ? `; the primary is ${hello.primary}` : '; there is no primary';
  return `ping answered, but not by a primary${primary}`;
};

/** The error itself where there was one endpoint. */
const onlyError = (error: unknown): never => {
  throw error instanceof AggregateError && error.errors.length === 1 ? error.errors[0] : error;
};
