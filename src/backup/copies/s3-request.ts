import type { AwsV4Signer } from 'aws4fetch';
import type { CopyPlace } from '../../config/config.ts';
import { messageOf } from '../../errors.ts';
import { sha256Of } from '../../system/sha256.ts';
import { PlaceFailure, type PlaceFailureKind } from './failure.ts';
import { inTime, type PlaceWorld, persist } from './patience.ts';
import { textOf } from './s3-xml.ts';

export type S3Place = CopyPlace & { readonly type: 's3' };

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Null: the bucket itself. */
  readonly key: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Beside the usual, for work that the server is known to need time for. */
  readonly extraMs?: number;
  /** What is done, for the message of a failure: "list the bucket". */
  readonly what: string;
}

/** A slower line than this is taken for a dead one. */
const SLOWEST_BYTES_PER_MS = 20;
/** Of an answer that is read whole. */
const LONGEST_ANSWER = 16 * 1024 * 1024;

const KINDS: Readonly<Record<string, PlaceFailureKind>> = {
  NoSuchBucket: 'missing',
  NoSuchKey: 'missing',
  NoSuchUpload: 'missing',
  RequestTimeout: 'unreachable',
  SlowDown: 'unreachable',
  // What arrived is not what was signed: something on the way changed it.
  BadDigest: 'unreachable',
  XAmzContentSHA256Mismatch: 'unreachable',
  IncompleteBody: 'unreachable',
  XMinioStorageFull: 'full',
  QuotaExceeded: 'full',
};

const kindOf = (status: number, code: string): PlaceFailureKind => {
  const known = KINDS[code];
  if (known !== undefined) return known;
  if (status === 507) return 'full';
  if (status === 404) return 'missing';
  if (status === 401 || status === 403) return 'refused';
  return status >= 500 || status === 429 || status === 408 ? 'unreachable' : 'failed';
};

const hintOf = (code: string, { bucket, endpoint, region }: S3Place): string | undefined => {
  switch (code) {
    case 'NoSuchBucket':
      return `make the bucket ${bucket} at ${endpoint}, or mend the url of this place`;
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
      return 'mend access_key_id and secret_access_key of this place (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)';
    case 'AccessDenied':
      return `the key must be allowed to list, read, write and delete in ${bucket}`;
    case 'RequestTimeTooSkewed':
      return 'the clock of this host is wrong: timedatectl';
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
      return `the bucket is not in region ${region}: set \`region\` and \`endpoint\` of this place`;
    default:
      return undefined;
  }
};

/** Trying again does not help against a certificate. */
const isCertificate = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code);

const connectionFailure = (what: string, error: unknown): PlaceFailure => {
  const cause = (error as { readonly cause?: NodeJS.ErrnoException }).cause;
  const message = cause === undefined ? messageOf(error) : messageOf(cause) || (cause.code ?? '');
  const kind = isCertificate(cause?.code ?? '') ? 'refused' : 'unreachable';
  return new PlaceFailure(kind, `${what}: ${message}`, { cause: error });
};

export interface S3Client {
  /** The answer, whose body is still to be read, through {@link S3Client.body}. Tries again where that may help. */
  send(request: S3Request): Promise<Response>;
  /** The same, with its body read. An error within an answer that began well is a failure too. */
  ask(request: S3Request): Promise<{ readonly headers: Headers; readonly text: string }>;
  /** The bytes of an answer, each waited for as long as a place may be silent. */
  body(what: string, response: Response): AsyncGenerator<Buffer>;
}

/** Signs, sends and understands requests. Source: the Amazon S3 API reference, and AWS Signature Version 4. */
export const openS3Client = async (place: S3Place, world: PlaceWorld): Promise<S3Client> => {
  const { AwsV4Signer: Signer } = (await import('aws4fetch')) as { readonly AwsV4Signer: typeof AwsV4Signer };
  const { endpoint, bucket, pathStyle, region, accessKeyId, secretAccessKey, sessionToken } = place;
  const base = new URL(`${endpoint}/`);
  if (pathStyle) base.pathname += `${bucket}/`;
  else base.hostname = `${bucket}.${base.hostname}`;

  const sign = async ({ method, key, query = {}, headers = {}, body }: S3Request) => {
    const url = new URL(base);
    if (key !== null) url.pathname += key.split('/').map(encodeURIComponent).join('/');
    else if (pathStyle) url.pathname = url.pathname.replace(/\/$/, '');
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const signer = new Signer({
      ...{ method, url: url.toString(), accessKeyId, secretAccessKey, service: 's3', region },
      ...(sessionToken === null ? {} : { sessionToken }),
      // The server compares what arrives with this.
      headers: { ...headers, 'x-amz-content-sha256': sha256Of(body ?? new Uint8Array()) },
    });
    return signer.sign();
  };

  async function* body(what: string, response: Response): AsyncGenerator<Buffer> {
    const reader = response.body?.getReader();
    if (reader === undefined) return;
    try {
      for (;;) {
        const { done, value } = await inTime(world, world.patience.silenceMs, what, reader.read());
        if (done) return;
        yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      }
    } catch (error) {
      throw error instanceof PlaceFailure || world.signal.aborted ? error : connectionFailure(what, error);
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  const wholeText = async (what: string, response: Response): Promise<string> => {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of body(what, response)) {
      bytes += part.length;
      if (bytes > LONGEST_ANSWER) throw new PlaceFailure('failed', `${what}: the answer is too long`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString();
  };

  const refusal = (what: string, status: number, text: string): PlaceFailure => {
    const code = textOf(text, 'Code') ?? '';
    const message = textOf(text, 'Message') ?? '';
    const said = [code, message].filter((part) => part !== '').join(': ') || `status ${status}`;
    return new PlaceFailure(kindOf(status, code), `${what}: ${said}`, { hint: hintOf(code, place) });
  };

  const once = async (request: S3Request): Promise<Response> => {
    const { what, method, body: content, extraMs = 0 } = request;
    const { url, headers } = await sign(request);
    const over = new AbortController();
    const ms = world.patience.silenceMs + extraMs + (content?.length ?? 0) / SLOWEST_BYTES_PER_MS;
    const sent = fetch(url, {
      ...{ method, headers, redirect: 'manual', signal: AbortSignal.any([world.signal, over.signal]) },
      ...(content === undefined ? {} : { body: content }),
    }).catch((error: unknown) => {
      throw connectionFailure(what, error);
    });
    const response = await inTime(world, ms, what, sent).catch((error: unknown) => {
      over.abort();
      throw error;
    });
    if (response.ok) return response;
    throw refusal(what, response.status, await wholeText(what, response));
  };

  return {
    send: (request) => persist(world, () => once(request)),
    ask: (request) =>
      persist(world, async () => {
        const response = await once(request);
        const text = await wholeText(request.what, response);
        if (/<Error(?: [^>]*)?>/.test(text)) throw refusal(request.what, 500, text);
        return { headers: response.headers, text };
      }),
    body,
  };
};
