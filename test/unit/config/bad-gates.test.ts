// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of YAML and env files are meant.
import { describeBad, INVALID } from './bad-inputs.ts';

describeBad('kaleem-deploy.yml with bad gates and init steps', [
  {
    what: 'a gate of no type',
    yaml: 'gates:\n  after:\n    - htpp: http://x/\n',
    code: INVALID,
    says: [
      'kaleem-deploy.yml:3: gates.after[0] must be a map with one of http, webhook',
      "did you mean 'http' instead of 'htpp'?",
    ],
  },
  {
    what: 'a gate of two types',
    yaml: 'gates: {after: [{http: http://x/, page: http://x/}]}\n',
    code: INVALID,
    says: ['not with both http and page'],
  },
  {
    what: 'a gate as text',
    yaml: 'gates: {before: [http://x/]}\n',
    code: INVALID,
    says: ['gates.before[0] must be a map with one of http', "not 'http://x/'"],
  },
  {
    what: 'a gate with an unknown status',
    yaml: 'gates: {after: [{http: http://x/, status: [200, 99]}]}\n',
    code: INVALID,
    says: ['gates.after[0].status[1] must be a whole number from 100 to 599, not 99'],
  },
  {
    what: 'a bad JSON path',
    yaml: 'gates:\n  after:\n    - http: http://x/\n      json:\n        status: ok\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:5: the key 'status' in gates.after[0].json must be a JSON path such as $.status"],
  },
  {
    what: 'a JSON value that is a map',
    yaml: 'gates: {after: [{http: http://x/, json: {$.a: {b: 1}}}]}\n',
    code: INVALID,
    says: ["gates.after[0].json.'$.a' must be text, a number, true, false or null, not a map"],
  },
  {
    what: 'a webhook without a payload',
    yaml: 'gates:\n  after:\n    - webhook: http://x/hook\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:3: gates.after[0].payload is missing'],
  },
  {
    what: 'a TCP gate without a port',
    yaml: 'gates: {after: [{tcp: mongo}]}\n',
    code: INVALID,
    says: ["gates.after[0].tcp must be host:port, not 'mongo'"],
  },
  {
    what: 'a TCP port that does not exist',
    yaml: 'gates: {after: [{tcp: "mongo:99999"}]}\n',
    code: INVALID,
    says: ["not 'mongo:99999'"],
  },
  {
    what: 'a gate with a URL of another scheme',
    yaml: 'gates:\n  after:\n    - page: ftp://x/\n',
    code: 'uri-invalid',
    says: [
      "kaleem-deploy.yml:3: gates.after[0].page: 'ftp://x/'",
      "its scheme is 'ftp://' and must be http:// or https://",
    ],
  },
  {
    what: 'a gate with a variable that is not set',
    yaml: 'gates:\n  after:\n    - http: http://${NO_HOST}/\n',
    code: 'env-invalid',
    says: ['kaleem-deploy.yml:3: gates.after[0].http takes its value from NO_HOST, which is not set'],
    hint: 'set NO_HOST in .env',
  },
  {
    what: 'a gate with half a variable',
    yaml: 'gates: {after: [{http: "http://${HOST/"}]}\n',
    code: INVALID,
    says: ['gates.after[0].http', 'write $$ for a dollar sign'],
  },
  {
    what: 'two gates of one name',
    yaml: 'gates:\n  after:\n    - {container: api, name: up}\n    - {container: web, name: up}\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:4: gates.after[1]: another gate is named 'up' already"],
  },
  {
    what: 'an init step of no type',
    yaml: 'init: [{nginx_reload: nginx}, {restart: nginx}]\n',
    code: INVALID,
    says: ['init[0] must be a map with one of mongo-replica-set', "did you mean 'nginx-reload'"],
  },
  {
    what: 'a Qdrant collection without a size',
    yaml: 'init:\n  - qdrant-collection: qdrant\n    collection: documents\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:2: init[0].size is missing'],
  },
  {
    what: 'a Redis cluster of two',
    yaml: 'init: [{redis-cluster: redis, nodes: [a:6379, b:6379]}]\n',
    code: INVALID,
    says: ['init[0].nodes must be a list of at least 3 nodes'],
  },
]);
