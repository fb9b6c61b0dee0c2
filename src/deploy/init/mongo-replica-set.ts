import { MongoClient, MongoServerError } from 'mongodb';
import { reach } from '../../compose/address.ts';
import { DeployError, messageOf } from '../../errors.ts';
import { around } from '../../system/failpoints/around.ts';
import { projectContainers } from '../writers.ts';
import type { InitStep } from './step.ts';

const NOT_YET_INITIALIZED = 94;
const COMMAND_NOT_FOUND = 59;
const NO_REPLICATION_ENABLED = 76;
const ELECTION_MS = 30_000;

/** Credentials of the application's URI: a set with access control is initiated by a user, or through the localhost exception. */
const withCredentials = (host: string, port: number, uri: string | null): string => {
  const credentials = uri === null ? undefined : /^mongodb:\/\/([^/@]+)@/.exec(uri)?.[1];
  const source = uri === null ? null : new URLSearchParams(uri.split('?')[1] ?? '').get('authSource');
  const options = new URLSearchParams({ directConnection: 'true', ...(source === null ? {} : { authSource: source }) });
  return `mongodb://${credentials === undefined ? '' : `${credentials}@`}${host.includes(':') ? `[${host}]` : host}:${port}/?${options}`;
};

/**
 * Initiates a replica set of one member and waits for it to become primary. A set that is there is left as it is; a
 * server that has no such command, such as a MongoDB-compatible one, is left alone and that is said.
 */
export const mongoReplicaSet: InitStep<'mongo-replica-set'> = async (context, spec) => {
  const { clock, engine, signal, config } = context;
  const [name = spec.service, portText = '27017'] = spec.host.split(':');
  const at = reach({ host: name, port: Number(portText) }, await projectContainers(context), engine);
  const client = new MongoClient(withCredentials(at.host, at.port, config.database?.uri ?? null), {
    serverSelectionTimeoutMS: 10_000,
  });
  try {
    const admin = client.db('admin');
    try {
      const status = await admin.command({ replSetGetStatus: 1 });
      return `replica set ${String(status.set)} is there`;
    } catch (error) {
      const code = error instanceof MongoServerError ? error.code : undefined;
      if (code === COMMAND_NOT_FOUND) return 'this server has no replica sets (it is not MongoDB): initiation skipped';
      if (code === NO_REPLICATION_ENABLED) return 'runs without --replSet: initiation skipped';
      if (code !== NOT_YET_INITIALIZED) throw error;
    }
    await around('database.replica-set', () =>
      admin.command({ replSetInitiate: { _id: spec.name, members: [{ _id: 0, host: spec.host }] } }),
    );
    const deadline = clock.monotonic() + ELECTION_MS;
    while (!(await admin.command({ hello: 1 })).isWritablePrimary) {
      if (clock.monotonic() > deadline) throw new Error(`no primary after ${ELECTION_MS / 1000} s`);
      await clock.sleep(200, signal);
    }
    return `replica set ${spec.name} initiated`;
  } catch (error) {
    throw new DeployError(
      'check-failed',
      `${spec.service}: the replica set ${spec.name} could not be initiated: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  } finally {
    await client.close();
  }
};
