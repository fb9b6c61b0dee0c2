// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Compose are meant.
import { type BadInput, folder, without } from './bad-input.ts';

const replaced =
  (from: string, to: string) =>
  (text: string): string => {
    if (!text.includes(from)) throw new Error(`the compose file has no ${from}`);
    return text.replace(from, to);
  };

const after = (line: string, more: string) => replaced(line, `${line}\n${more}`);

export const composeFiles: readonly BadInput[] = [
  { what: 'no compose file', prepare: without('compose.yml'), code: 10, says: ['compose.yaml', 'compose.yml'] },
  { what: 'a folder instead of a compose file', prepare: folder('compose.yml'), code: 10, says: ['compose.yml'] },
  { what: 'an empty compose file', compose: () => '', here: true, code: 10, says: ['compose.yml', 'empty'] },
  {
    what: 'a compose file that is not YAML',
    compose: () => 'services: [\n',
    here: true,
    code: 10,
    says: ['compose.yml', 'yaml'],
  },
  {
    what: 'a compose file without services',
    compose: () => 'volumes: {a: {}}\n',
    here: true,
    code: 10,
    says: ['no service'],
  },
  { what: 'an unknown key', compose: replaced('hostname:', 'hostnam:'), here: true, code: 10, says: ['hostnam'] },
  {
    what: 'a cycle',
    compose: after('    image: mongo:7', '    depends_on: [nginx]'),
    here: true,
    code: 10,
    says: ['cycle', 'mongo', 'nginx'],
  },
  {
    what: 'a dependency on no service',
    compose: after('    image: redis:7', '    depends_on: [mogno]'),
    here: true,
    code: 10,
    says: ['redis', 'mogno'],
  },
  {
    what: 'a volume that is not declared',
    compose: replaced('redis-data:/data', 'redis-dta:/data'),
    here: true,
    code: 10,
    says: ['redis-dta'],
  },
  {
    what: 'a network that is not declared',
    compose: after('    image: redis:7', '    networks: [inner]'),
    here: true,
    code: 10,
    says: ['inner'],
  },
  {
    what: 'a release image that is built',
    compose: after('    hostname: api-of-kaleem', '    build: .'),
    here: true,
    code: 10,
    says: ['api', 'build'],
  },
  {
    what: 'no service with the release variable',
    compose: replaced('${KALEEM_API_IMAGE:?}', 'kaleem-api:v1'),
    here: true,
    code: 10,
    says: ['KALEEM_API_IMAGE'],
  },
  {
    what: 'a variable that Compose requires',
    compose: after('    image: redis:7', '    hostname: ${REDIS_HOST:?name it}'),
    here: true,
    code: 10,
    says: ['REDIS_HOST', 'name it'],
  },
  {
    what: 'a port that is none',
    compose: replaced('${HTTP_PORT}:80', '99999999:80'),
    here: true,
    code: 10,
    says: ['99999999'],
  },
  {
    what: 'a compose file of another folder',
    yaml: 'compose: {files: [../other/compose.yml]}\n',
    code: 10,
    says: ['kaleem-deploy.yml:1: compose.files', 'other/compose.yml'],
  },
  {
    what: 'a project that runs from another folder',
    code: 10,
    says: ['is already running from', ({ directory }) => `not from ${directory}`],
  },
];
