import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { registryAddress } from './machine.ts';

const REPOSITORY = 'kaleem/kaleem-api';
const ACCEPTED = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
].join(', ');

interface Manifest {
  readonly mediaType?: string;
  readonly config: { readonly mediaType: string; readonly size: number; readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly size: number; readonly digest: string }[];
}

interface ImageConfig {
  readonly config: { readonly Env?: readonly string[]; readonly Cmd?: readonly string[] };
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history?: readonly unknown[];
}

/** Does to the database what v0.0.3 does, and ends at once, so that nobody has to wait until it is called unhealthy. */
const SPOIL = `
  import { MongoClient } from 'mongodb';
  import { migrate } from './migrations.js';
  import { mongodbUri } from './settings.js';
  await migrate(new MongoClient(mongodbUri).db());
  console.error('spoilt the database on purpose');
  process.exit(1);`;

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
  const url = path.startsWith('http') ? path : `http://${registryAddress()}/v2/${REPOSITORY}/${path}`;
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${url}: ${response.status} ${await response.text()}`);
  return response;
};

const upload = async (bytes: Buffer): Promise<{ readonly digest: string; readonly size: number }> => {
  const digest = digestOf(bytes);
  const where = new URL(
    (await call('blobs/uploads/', { method: 'POST' })).headers.get('location') ?? '',
    `http://${registryAddress()}`,
  );
  where.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await call(where.href, { method: 'PUT', headers, body: new Uint8Array(bytes) });
  return { digest, size: bytes.length };
};

/** A tar archive with one file of random bytes, which no compression makes smaller. */
const randomTar = (name: string, bytes: number): Buffer => {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(bytes, 11), 124);
  header.write(octal(0, 11), 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
  );
  return Buffer.concat([header, randomBytes(Math.ceil(bytes / 512) * 512), Buffer.alloc(1024)]);
};

export interface Variant {
  readonly tag: string;
  readonly digest: string;
}

export interface Variants {
  /**
   * A new image of the api, known to no engine: like v0.0.5, but that it calls itself by its tag, has a layer of so many bytes
   * more, and is broken in this way (compose/api/faults.js, or `spoil`). `tag`: an existing one is pointed to it.
   */
  publish(options?: { readonly tag?: string; readonly fault?: string; readonly layerBytes?: number }): Promise<Variant>;
  /** Takes it out of the registry. */
  remove(variant: Variant): Promise<void>;
  cleanup(): Promise<void>;
}

/** Images that exist for one test only, made of what the registry has, without an engine. */
export const openVariants = (): Variants => {
  const made = new Map<string, Variant>();
  const blobs = new Set<string>();
  const remove = async ({ digest }: Variant): Promise<void> => {
    if (made.delete(digest)) await call(`manifests/${digest}`, { method: 'DELETE' });
  };
  return {
    remove,
    async publish({ tag = `t-${randomBytes(4).toString('hex')}`, fault = '', layerBytes = 0 } = {}) {
      const response = await call('manifests/v0.0.5', { headers: { accept: ACCEPTED } });
      const manifest = (await response.json()) as Manifest;
      const config = (await (await call(`blobs/${manifest.config.digest}`)).json()) as ImageConfig;
      const others = (config.config.Env ?? []).filter((each) => !/^KALEEM_(?:VERSION|FAULT)=/.test(each));
      // A tag that is pointed elsewhere must not give the same bytes again.
      const madeFor = `KALEEM_MADE_FOR=${randomBytes(8).toString('hex')}`;
      const Env = [...others, `KALEEM_VERSION=${fault === 'spoil' ? 'v0.0.3' : tag}`, `KALEEM_FAULT=${fault}`, madeFor];
      const tar = layerBytes === 0 ? null : randomTar(`large-${tag}`, layerBytes);
      const layer = tar === null ? null : await upload(gzipSync(tar, { level: 1 }));
      const { history: _, ...rest } = config;
      const rootfs = {
        ...config.rootfs,
        diff_ids: [...config.rootfs.diff_ids, ...(tar === null ? [] : [digestOf(tar)])],
      };
      const uploaded = await upload(
        Buffer.from(
          JSON.stringify({
            ...rest,
            config: {
              ...config.config,
              Env,
              ...(fault === 'spoil' ? { Cmd: ['node', '--input-type=module', '-e', SPOIL] } : {}),
            },
            rootfs,
          }),
        ),
      );
      for (const each of [uploaded, layer]) if (each !== null) blobs.add(each.digest);
      const body = Buffer.from(
        JSON.stringify({
          ...manifest,
          config: { ...manifest.config, ...uploaded },
          layers: [...manifest.layers, ...(layer === null ? [] : [{ ...manifest.layers[0], ...layer }])],
        }),
      );
      const type = response.headers.get('content-type') ?? '';
      await call(`manifests/${tag}`, { method: 'PUT', headers: { 'content-type': type }, body: new Uint8Array(body) });
      const variant = { tag, digest: digestOf(body) };
      made.set(variant.digest, variant);
      return variant;
    },
    async cleanup() {
      for (const variant of made.values()) await remove(variant).catch(() => {});
      for (const digest of blobs) await call(`blobs/${digest}`, { method: 'DELETE' }).catch(() => {});
    },
  };
};
