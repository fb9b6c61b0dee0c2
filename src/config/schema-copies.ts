import type { z } from 'zod';
import { chosen } from './schema-tagged.ts';
import {
  entryName,
  flag,
  matching,
  path,
  reference,
  secretReference,
  span,
  strict,
  wholeNumber,
} from './schema-values.ts';
import { isYamlMap } from './source.ts';

/** What retention keeps, in restic's words: of the backups here, and of each place for copies. */
export const keepRules = {
  keep_last: wholeNumber(1, 10_000).optional(),
  keep_hourly: wholeNumber(1, 10_000).optional(),
  keep_daily: wholeNumber(1, 10_000).optional(),
  keep_weekly: wholeNumber(1, 10_000).optional(),
  keep_monthly: wholeNumber(1, 10_000).optional(),
  keep_yearly: wholeNumber(1, 10_000).optional(),
  keep_within: span.optional(),
};

const every = {
  name: entryName,
  url: matching('sftp://user@host/path or s3://bucket/prefix', /^(?:sftp|s3):\/\//),
  ...keepRules,
};

const sftp = strict({
  ...every,
  identity_file: path.optional(),
  passphrase: secretReference.optional(),
  known_hosts: path.optional(),
});

const s3 = strict({
  ...every,
  endpoint: reference('the URL of an S3 server').optional(),
  region: matching('the name of a region', /^[a-z0-9-]{1,50}$/).optional(),
  path_style: flag.optional(),
  access_key_id: reference('an access key id').optional(),
  secret_access_key: secretReference.optional(),
  session_token: secretReference.optional(),
});

export type SftpInput = z.output<typeof sftp>;
export type S3Input = z.output<typeof s3>;
export type CopyInput = SftpInput | S3Input;

const isS3 = (input: unknown): boolean =>
  isYamlMap(input) && typeof input.url === 'string' && input.url.startsWith('s3://');

/** A place for copies; the scheme of its URL says which keys it may have. */
export const copyPlace = chosen<z.ZodType<CopyInput>>((input) => (isS3(input) ? s3 : sftp) as z.ZodType<CopyInput>);
