import { describeBad, INVALID } from './bad-inputs.ts';

describeBad('kaleem-deploy.yml with bad references, secrets and paths', [
  {
    what: 'a database as text',
    yaml: 'database: mongodb://mongo/kaleem\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:1: database must be', "'mongodb://mongo/kaleem'"],
  },
  {
    what: 'a database with a password in the file',
    yaml: 'database:\n  uri: mongodb://kaleem:hunter22@mongo/kaleem\n',
    code: 'config-unsafe',
    says: ["kaleem-deploy.yml:2: database.uri has a password in it: 'mongodb://kaleem:***@mongo/kaleem'"],
    hint: '.env',
  },
  {
    what: 'a database URI from a variable that is not set',
    yaml: 'database: {uri: {env: OTHER_URI}}\n',
    code: 'env-invalid',
    says: ['database.uri takes its value from OTHER_URI, which is not set'],
  },
  {
    what: 'a database URI from a file that is not there',
    yaml: 'database: {uri: {file: secrets/uri}}\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:1: database.uri: ', 'secrets/uri: there is no such file'],
  },
  {
    what: 'a database URI from an empty file',
    yaml: 'database: {uri: {file: uri}}\n',
    files: { uri: { text: '\n', mode: 0o600 } },
    code: INVALID,
    says: ['database.uri: the secret file', 'is empty'],
  },
  {
    what: 'a secret file that others can read',
    yaml: 'database: {uri: {file: uri}}\n',
    files: { uri: { text: 'mongodb://mongo/kaleem', mode: 0o644 } },
    code: 'config-unsafe',
    says: ['database.uri: the secret file', 'is open to every user'],
    hint: 'chmod 600 ',
  },
  {
    what: 'a reference of no known kind',
    yaml: 'database: {uri: {vault: x}}\n',
    code: INVALID,
    says: ['database.uri must be a MongoDB URI, {env: NAME} or {file: PATH}, not a map'],
  },
  {
    what: 'a registry password in the file',
    yaml: 'registries:\n  - server: ghcr.io\n    username: me\n    password: hunter22\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:4: registries[0].password must be {env: NAME} or {file: PATH}', 'not something else'],
  },
  {
    what: 'a registry with a path',
    yaml: 'registries: [{server: ghcr.io/owner, username: me, password: {env: X}}]\n',
    code: INVALID,
    says: ['registries[0].server must be the host of a registry', "'ghcr.io/owner'"],
  },
  {
    what: 'a registry twice',
    yaml: 'registries:\n  - {server: a.io, username: me, password: {env: KALEEM_API_IMAGE}}\n  - {server: a.io, username: me, password: {env: KALEEM_API_IMAGE}}\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:3: registries[1].server: a.io is there already'],
  },
  {
    what: 'state among the backups',
    yaml: 'app: kaleem\nstate_directory: backups/state\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:2: state_directory', 'overlap'],
  },
  {
    what: 'backups in the state directory',
    yaml: 'backup: {directory: .kaleem/backups}\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:1: backup.directory', 'overlap'],
  },
  {
    what: 'a compose file that is not there',
    yaml: 'compose:\n  files:\n    - compose.yml\n    - missing.yml\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:4: compose.files[1]: there is no compose file', '/missing.yml'],
  },
  {
    what: 'an env file that is not there',
    yaml: 'compose: {env_file: production.env}\n',
    code: 'env-invalid',
    says: ["kaleem-deploy.yml:1: compose.env_file: can't read production.env: there is no such file"],
  },
]);
