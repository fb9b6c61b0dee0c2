import { around } from '../../system/failpoints/around.ts';
import { sha256OfStream } from '../../system/sha256.ts';
import { isFailure, PlaceFailure } from './failure.ts';
import { type PlaceWorld, resuming } from './patience.ts';
import { openS3Client, type S3Place } from './s3-request.ts';
import { abortUpload, checksumOf, openUploads, putObject } from './s3-upload.ts';
import { elements, textOf } from './s3-xml.ts';
import type { CopyStore, Source, StoredFile } from './store.ts';

/** A thousand names each. */
const MOST_PAGES = 1_000;
const LAST_WORDS_MS = 5_000;

const decodeKey = (key: string, encoded: boolean): string =>
  encoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key;

export const openS3Store = async (place: S3Place, world: PlaceWorld): Promise<CopyStore> => {
  const client = await openS3Client(place, world);
  const lastWords = () =>
    openS3Client(place, {
      ...{ clock: world.clock, signal: AbortSignal.timeout(LAST_WORDS_MS) },
      patience: { ...world.patience, attempts: 1 },
    });
  const folder = place.prefix === '' ? '' : `${place.prefix}/`;
  const keyOf = (name: string): string => `${folder}${name}`;

  const filesOf = (text: string): readonly StoredFile[] => {
    const encoded = textOf(text, 'EncodingType') === 'url';
    return elements(text, 'Contents').flatMap((content): readonly StoredFile[] => {
      const key = decodeKey(textOf(content, 'Key') ?? '', encoded);
      const name = key.slice(folder.length);
      if (!key.startsWith(folder) || name === '' || name.includes('/') || name.startsWith('.')) return [];
      const bytes = Number(textOf(content, 'Size'));
      const modifiedAt = new Date(textOf(content, 'LastModified') ?? Number.NaN);
      return Number.isSafeInteger(bytes) ? [{ name, bytes, modifiedAt }] : [];
    });
  };

  const list = async (): Promise<readonly StoredFile[]> => {
    const files: StoredFile[] = [];
    let token: string | null = null;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const query: Record<string, string> = {
        'list-type': '2',
        prefix: folder,
        delimiter: '/',
        'encoding-type': 'url',
      };
      if (token !== null) query['continuation-token'] = token;
      const { text } = await client.ask({ method: 'GET', key: null, query, what: `list ${place.bucket}` });
      files.push(...filesOf(text));
      token = textOf(text, 'NextContinuationToken');
      if (textOf(text, 'IsTruncated') !== 'true' || token === null) return files;
    }
    throw new PlaceFailure('failed', `list ${place.bucket}: it does not come to an end`);
  };

  async function* contentFrom(name: string, from: number): AsyncGenerator<Buffer> {
    const what = `download ${keyOf(name)}`;
    const headers = from === 0 ? {} : { range: `bytes=${from}-` };
    const response = await client.send({ method: 'GET', key: keyOf(name), headers, what });
    if (from > 0 && response.status !== 206) {
      await response.body?.cancel();
      throw new PlaceFailure('failed', `${what}: the server can't go on from byte ${from}`);
    }
    yield* client.body(what, response);
  }
  const get = (name: string, bytes: number): AsyncIterable<Buffer> =>
    resuming(world, bytes, (from) => contentFrom(name, from));

  /** By the checksum that the server worked out from the bytes as they came; where it keeps none, by reading them back. */
  const holds = async (name: string, source: Source): Promise<boolean> => {
    const head = await client
      .send({
        ...{ method: 'HEAD', key: keyOf(name), headers: { 'x-amz-checksum-mode': 'ENABLED' } },
        what: `look at ${keyOf(name)}`,
      })
      .catch((error: unknown) => {
        if (isFailure(error, 'missing')) return null;
        throw error;
      });
    if (head === null || Number(head.headers.get('content-length')) !== source.bytes) return false;
    const said = head.headers.get('x-amz-checksum-sha256');
    if (said !== null) {
      const { whole, inParts } = await checksumOf(source);
      if (said === whole || said === inParts) return true;
    }
    return (await sha256OfStream(get(name, source.bytes))) === source.sha256;
  };

  return {
    url: place.url,
    list,
    put: (name, source, onBytes) =>
      around('copy.put', async () => {
        await putObject(client, keyOf(name), source, { onBytes, lastWords });
        if (await holds(name, source)) return;
        throw new PlaceFailure('failed', `${keyOf(name)} does not read back as it was sent`);
      }),
    holds,
    get,
    remove: (name) =>
      around('copy.remove', async () => {
        await client
          .ask({ method: 'DELETE', key: keyOf(name), what: `remove ${keyOf(name)}` })
          .catch((error: unknown) => {
            // Without the bucket, nothing of it is there.
            if (!isFailure(error, 'missing')) throw error;
          });
      }),
    async sweep(isStale) {
      for (const { key, uploadId, since } of await openUploads(client, folder)) {
        const name = key.slice(folder.length);
        if (!key.startsWith(folder) || name.includes('/') || !isStale({ name, since })) continue;
        await around('copy.sweep', () => abortUpload(client, key, uploadId));
      }
    },
    close() {},
  };
};
