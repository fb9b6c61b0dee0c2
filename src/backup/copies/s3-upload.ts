import { createHash } from 'node:crypto';
import { isFailure, PlaceFailure } from './failure.ts';
import { damagedHere } from './file-source.ts';
import type { S3Client } from './s3-request.ts';
import { elements, escaped, textOf } from './s3-xml.ts';
import type { Source } from './store.ts';

const MEGABYTE = 1024 * 1024;
/** What S3 takes; the last part may be smaller (5 MB to 5 GB else). */
const MOST_PARTS = 10_000;

/** The same for the same length, so that the checksum of checksums can be worked out again. One part is in memory at a time. */
export const partBytes = (bytes: number): number =>
  Math.max(8 * MEGABYTE, Math.ceil(bytes / MOST_PARTS / MEGABYTE) * MEGABYTE);

const base64Digest = (content: Uint8Array): string => createHash('sha256').update(content).digest('base64');

/** The parts of a source in order. 'backup-invalid' when it turns out not to have the digest that it should. */
async function* partsOf(source: Source): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  const size = partBytes(source.bytes);
  for (let from = 0; from < source.bytes; from += size) {
    const pieces: Buffer[] = [];
    for await (const piece of source.read(from, Math.min(from + size, source.bytes))) pieces.push(piece);
    const part = Buffer.concat(pieces);
    digest.update(part);
    yield part;
  }
  if (digest.digest('hex') !== source.sha256) throw damagedHere();
}

/** What S3 says the SHA-256 of an object is: of its bytes, or, uploaded in parts, that of the parts' digests, and how many they were. */
export const checksumOf = async (source: Source): Promise<{ readonly whole: string; readonly inParts: string }> => {
  const whole = Buffer.from(source.sha256, 'hex').toString('base64');
  const digests: Buffer[] = [];
  for await (const part of partsOf(source)) digests.push(createHash('sha256').update(part).digest());
  return { whole, inParts: `${base64Digest(Buffer.concat(digests))}-${digests.length}` };
};

export interface PutOptions {
  readonly onBytes: (bytes: number) => void;
  /** A client that can still say that it is over when this one has been told to stop. */
  readonly lastWords: () => Promise<S3Client>;
}

const putWhole = async (client: S3Client, key: string, source: Source): Promise<void> => {
  const parts: Buffer[] = [];
  for await (const part of partsOf(source)) parts.push(part);
  const body = Buffer.concat(parts);
  const headers = { 'x-amz-checksum-sha256': base64Digest(body) };
  await client.ask({ method: 'PUT', key, body, headers, what: `upload ${key}` });
};

interface Part {
  readonly number: number;
  readonly etag: string;
  readonly checksum: string;
}

const completion = (parts: readonly Part[]): Buffer => {
  const listed = parts.map(
    ({ number, etag, checksum }) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${escaped(etag)}</ETag><ChecksumSHA256>${checksum}</ChecksumSHA256></Part>`,
  );
  return Buffer.from(`<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`);
};

export const abortUpload = async (client: S3Client, key: string, uploadId: string): Promise<void> => {
  await client
    .ask({ method: 'DELETE', key, query: { uploadId }, what: `end the upload of ${key}` })
    .catch((error: unknown) => {
      if (!isFailure(error, 'missing')) throw error;
    });
};

const putInParts = async (
  client: S3Client,
  key: string,
  source: Source,
  { onBytes, lastWords }: PutOptions,
): Promise<void> => {
  const begun = await client.ask({
    ...{ method: 'POST', key, query: { uploads: '' }, what: `begin to upload ${key}` },
    headers: { 'x-amz-checksum-algorithm': 'SHA256' },
  });
  const uploadId = textOf(begun.text, 'UploadId');
  if (uploadId === null) throw new PlaceFailure('failed', `begin to upload ${key}: the answer has no UploadId`);
  try {
    const parts: Part[] = [];
    let bytes = 0;
    for await (const body of partsOf(source)) {
      const number = parts.length + 1;
      const checksum = base64Digest(body);
      const { headers } = await client.ask({
        ...{ method: 'PUT', key, body, query: { partNumber: String(number), uploadId } },
        ...{ headers: { 'x-amz-checksum-sha256': checksum }, what: `upload part ${number} of ${key}` },
      });
      parts.push({ number, etag: headers.get('etag') ?? '', checksum });
      bytes += body.length;
      onBytes(bytes);
    }
    // Putting the parts together may take a server its time.
    const extraMs = source.bytes / 20_000;
    await client.ask({
      method: 'POST',
      key,
      query: { uploadId },
      body: completion(parts),
      extraMs,
      what: `finish ${key}`,
    });
  } catch (error) {
    // An answer that was lost on its way: the upload may have been finished all the same. Whoever compares the digest sees.
    if (isFailure(error, 'missing')) return;
    await abortUpload(await lastWords(), key, uploadId).catch(() => {});
    throw error;
  }
};

/** Uploads an object, which is there under its name whole or not at all. */
export const putObject = (client: S3Client, key: string, source: Source, options: PutOptions): Promise<void> =>
  source.bytes <= partBytes(source.bytes) ? putWhole(client, key, source) : putInParts(client, key, source, options);

export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly since: Date;
}

/** Uploads in parts that were begun under a prefix and not ended, a thousand at most. */
export const openUploads = async (client: S3Client, prefix: string): Promise<readonly OpenUpload[]> => {
  const { text } = await client.ask({
    ...{ method: 'GET', key: null, query: { uploads: '', prefix }, what: 'list unfinished uploads' },
  });
  return elements(text, 'Upload').flatMap((upload) => {
    const [key, uploadId, since] = ['Key', 'UploadId', 'Initiated'].map((name) => textOf(upload, name));
    return key && uploadId && since ? [{ key, uploadId, since: new Date(since) }] : [];
  });
};
