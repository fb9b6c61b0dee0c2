import { describeBad, INVALID } from './bad-inputs.ts';
import { ENV } from './project.ts';

describeBad('files in the wrong place', [
  {
    what: 'no compose file anywhere',
    bare: true,
    files: { '.env': ENV },
    code: INVALID,
    says: [
      'there is no compose file: looked for compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml in /',
      'every folder above it',
    ],
  },
  {
    what: 'a config that is not there',
    typed: { configPath: 'deploy/kaleem.yml' },
    code: INVALID,
    says: ["can't read deploy/kaleem.yml: there is no such file"],
  },
  {
    what: 'a folder as config',
    files: { 'conf/x': '' },
    typed: { configPath: 'conf' },
    code: INVALID,
    says: ["can't read conf: it is a folder"],
  },
  {
    what: 'a config that everyone can change',
    files: { 'kaleem-deploy.yml': { text: 'app: kaleem\n', mode: 0o646 } },
    code: 'config-unsafe',
    says: ['kaleem-deploy.yml can be changed by every user'],
    hint: 'chmod go-w /',
  },
  {
    what: 'two config files',
    files: { 'kaleem-deploy.yml': '', 'kaleem-deploy.yaml': '' },
    code: INVALID,
    says: ['both kaleem-deploy.yml and kaleem-deploy.yaml are in /'],
  },
  {
    what: 'a destination that is not there',
    files: { 'kaleem-deploy.yml': '', 'kaleem-deploy.staging.yml': '', 'kaleem-deploy.production.yaml': '' },
    typed: { destination: 'stagign' },
    code: INVALID,
    says: ["there is no destination 'stagign'", '/kaleem-deploy.stagign.yml is missing'],
    hint: "did you mean 'staging'? Destinations: production, staging",
  },
  {
    what: 'a destination without any config',
    typed: { destination: 'staging' },
    code: INVALID,
    says: ["there is no destination 'staging'"],
    hint: 'destinations: none',
  },
  {
    what: 'a destination that is a path',
    typed: { destination: '../../etc/x' },
    code: INVALID,
    says: ["'../../etc/x' is not the name of a destination"],
  },
  {
    what: 'no destination where only those are',
    files: { 'kaleem-deploy.staging.yml': 'app: x\n' },
    code: INVALID,
    says: ['has configuration for staging, and none was chosen'],
    hint: '-d staging',
  },
  {
    what: 'an unknown key in an overlay',
    files: { 'kaleem-deploy.yml': 'app: kaleem\n', 'kaleem-deploy.staging.yml': '# staging\ncompose:\n  projct: x\n' },
    typed: { destination: 'staging' },
    code: INVALID,
    says: ["kaleem-deploy.staging.yml:3: unknown key 'projct' in compose; did you mean 'project'?"],
  },
  {
    what: 'a bad value in the base of an overlay',
    files: {
      'kaleem-deploy.yml': 'compose:\n  project: NO\n',
      'kaleem-deploy.staging.yml': 'compose: {profiles: [x]}\n',
    },
    typed: { destination: 'staging' },
    code: INVALID,
    says: ['kaleem-deploy.yml:2: compose.project'],
  },
  {
    what: 'a bad value of an overlay over a good one of the base',
    files: { 'kaleem-deploy.yml': 'app: kaleem\n', 'kaleem-deploy.staging.yml': '\napp: [x]\n' },
    typed: { destination: 'staging' },
    code: INVALID,
    says: ['kaleem-deploy.staging.yml:2: app must be a name, not a list'],
  },
]);
