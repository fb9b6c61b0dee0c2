import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CopyPlace, KeepPolicy } from '../../src/config/config.ts';
import { freePort } from './free-port.ts';
import { startSshd as startPlainSshd, startServer } from './sshd.ts';

const KEEP: KeepPolicy = { last: 7, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null };

/** A real server for copies, and the folder of this machine in which it keeps them. */
export interface CopyServer {
  readonly place: CopyPlace;
  /** As it is written in a configuration, in YAML's flow style; secrets are in `variables`. */
  readonly yaml: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly port: number;
  /** The same place, reached by another port of this machine. */
  through(port: number): CopyPlace;
  /** Where the files lie. */
  readonly folder: string;
  /** Uploads that were begun and neither ended nor swept. */
  unfinished(): Promise<number>;
  stop(): Promise<void>;
}

export interface SshdOptions {
  /** Only SFTP, as many storage providers have it: no command runs. */
  readonly sftpOnly?: boolean;
  /** Where the copies go; made where it is missing. */
  readonly folder?: string;
}

/** A real sshd as a place for copies. */
export const startSshd = async ({ sftpOnly = false, folder }: SshdOptions = {}): Promise<CopyServer> => {
  const server = await startPlainSshd(sftpOnly ? ['ForceCommand internal-sftp'] : []);
  const { at, port, username, userKey, knownHosts } = server;
  const directory = folder ?? at('copies');
  await mkdir(directory, { recursive: true });
  const url = `sftp://${username}@127.0.0.1:${port}${directory}`;
  const place: CopyPlace = {
    ...{ type: 'sftp', name: sftpOnly ? 'sftp-only' : 'attic', url, keep: KEEP },
    ...{ host: '127.0.0.1', port, username, directory },
    ...{ identityFile: userKey, passphrase: null, knownHosts, agent: null, home: at('') },
  };
  return {
    place,
    yaml: `{ name: ${place.name}, url: '${url}', identity_file: '${userKey}', known_hosts: '${knownHosts}' }`,
    variables: {},
    port,
    through: (other) => ({ ...place, port: other, knownHosts: at(`known_hosts_${other}`) }),
    folder: directory,
    async unfinished() {
      return (await readdir(directory)).filter((name) => name.endsWith('.part')).length;
    },
    stop: server.stop,
  };
};

/** Has the host key of a server count for another port of this machine too. */
export const alsoKnownAt = async (server: CopyServer, port: number): Promise<CopyPlace> => {
  const place = server.through(port);
  if (place.type !== 'sftp' || server.place.type !== 'sftp') return place;
  const known = await readFile(server.place.knownHosts, 'utf8');
  await writeFile(place.knownHosts, known.replace(`:${server.port} `, `:${port} `));
  return place;
};

/** A real S3-compatible server (versitygw over a folder), with a bucket of a name nobody else has. */
export const startS3 = async (): Promise<CopyServer> => {
  const root = await mkdtemp(join(tmpdir(), 'kaleem-s3-'));
  const bucket = `b${randomBytes(5).toString('hex')}`;
  await mkdir(join(root, bucket));
  const port = await freePort();
  const accessKeyId = `user-${randomBytes(4).toString('hex')}`;
  const secretAccessKey = randomBytes(16).toString('hex');
  const env = { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey };
  const file = process.env.KALEEM_TEST_S3_SERVER ?? '/var/lib/kaleem-test-bed/bin/versitygw';
  const server = await startServer(file, ['--port', `127.0.0.1:${port}`, 'posix', root], port, env);
  const url = `s3://${bucket}/copies`;
  const place: CopyPlace = {
    ...{ type: 's3', name: 'bucket', url, keep: KEEP, endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1' },
    ...{ bucket, prefix: 'copies', pathStyle: true, accessKeyId, secretAccessKey, sessionToken: null },
  };
  const folder = join(root, bucket, 'copies');
  return {
    place,
    yaml: `{ name: ${place.name}, url: '${url}', endpoint: 'http://127.0.0.1:${port}', access_key_id: '${accessKeyId}', secret_access_key: { env: S3_SECRET } }`,
    variables: { S3_SECRET: secretAccessKey },
    port,
    through: (other) => ({ ...place, endpoint: `http://127.0.0.1:${other}` }),
    folder,
    async unfinished() {
      const multipart = join(root, bucket, '.sgwtmp', 'multipart');
      const keys = await readdir(multipart).catch(() => []);
      return (await Promise.all(keys.map((key) => readdir(join(multipart, key))))).flat().length;
    },
    async stop() {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
};
