// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of env files are meant.
import { type BadInput, file, folder } from './bad-input.ts';

/** The variable stands in the last line of `.env` once it has been changed. */
const AT = /\.env:\d+/;

export const variables: readonly BadInput[] = [
  { what: 'a line without a name', lines: '=value\n', code: 10, says: [AT, "no name before '='"] },
  { what: 'a name with a space', lines: 'MY NAME=1\n', code: 10, says: [AT, "'MY NAME'"] },
  { what: 'a quote that is never closed', lines: 'GREETING="hello\n', code: 10, says: [AT, 'never closed'] },
  { what: 'a brace that is never closed', lines: 'URL=${HOST\n', code: 10, says: [AT, 'URL'] },
  {
    what: 'an env file that everyone can change',
    prepare: file('.env', 'A=1\n', 0o666),
    code: 10,
    says: ['.env', 'every user'],
  },
  { what: 'a folder instead of an env file', prepare: folder('.env'), code: 10, says: ['KALEEM_API_IMAGE is not set'] },
  { what: 'attempts in words', variables: { MAX_ATTEMPTS: 'abc' }, code: 10, says: ['MAX_ATTEMPTS', AT, "'abc'"] },
  { what: 'fewer attempts than none', variables: { MAX_ATTEMPTS: '-1' }, code: 10, says: ['MAX_ATTEMPTS', AT, "'-1'"] },
  { what: 'no attempts', variables: { MAX_ATTEMPTS: '0' }, code: 10, says: ['MAX_ATTEMPTS', AT, "'0'"] },
  { what: 'sleep in words', variables: { SLEEP_SECONDS: 'x' }, code: 10, says: ['SLEEP_SECONDS', AT, "'x'"] },
  { what: 'no image', variables: { KALEEM_API_IMAGE: null }, code: 10, says: ['KALEEM_API_IMAGE is not set'] },
  {
    what: 'an image with a space',
    variables: { KALEEM_API_IMAGE: '"ghcr.io/o/kaleem api:v1"' },
    here: true,
    code: 10,
    says: ['KALEEM_API_IMAGE: "ghcr.io/o/kaleem api:v1"'],
  },
  {
    what: 'an image in upper case',
    variables: { KALEEM_API_IMAGE: 'ghcr.io/Owner/kaleem-api:v1' },
    here: true,
    code: 10,
    says: ['KALEEM_API_IMAGE: "ghcr.io/Owner/kaleem-api:v1"', 'lower case'],
  },
  { what: 'no database', variables: { MONGODB_URI: null }, code: 10, says: ['MONGODB_URI is not set'] },
  {
    what: 'a required variable that is not set',
    yaml: 'required: [MAIL_TO]\n',
    here: true,
    code: 10,
    says: ['MAIL_TO is required'],
  },
  {
    what: 'a variable gone that the last release had',
    variables: { MAIL_FROM: null },
    here: true,
    code: 10,
    says: ['MAIL_FROM was set in the release that is live'],
  },
  {
    what: 'a project name that Compose refuses',
    variables: { COMPOSE_PROJECT_NAME: 'Kaleem!' },
    code: 10,
    says: ['COMPOSE_PROJECT_NAME', AT, "'Kaleem!'"],
  },
  {
    what: 'a compose file that is not there',
    lines: 'COMPOSE_FILE=a.yml\n',
    code: 10,
    says: ['COMPOSE_FILE', AT, 'a.yml'],
  },
];
