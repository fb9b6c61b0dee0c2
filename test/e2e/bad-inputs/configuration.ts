import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type BadInput, file, folder } from './bad-input.ts';

const AT = 'kaleem-deploy.yml';

/** Nine of nine of nine...: small to write, 3 GB to read. */
const bomb = `required:\n- &a [${Array(9).fill('x')}]\n${[...'bcdefghij']
  .map((name, index) => `- &${name} [${Array(9).fill(`*${'abcdefghi'[index]}`)}]\n`)
  .join('')}`;

export const configuration: readonly BadInput[] = [
  { what: 'a bracket that is never closed', yaml: 'images: [A, B\n', code: 10, says: [/kaleem-deploy\.yml:[12]: /] },
  { what: 'a tab as indentation', yaml: 'gates:\n\tafter: []\n', code: 10, says: [`${AT}:2: Tabs are not allowed`] },
  { what: 'a key twice', yaml: 'app: a\napp: b\n', code: 10, says: [`${AT}:2: the key 'app' stands there twice`] },
  { what: 'a list instead of a map', yaml: '- app\n', code: 10, says: [`${AT}:1: must be a map of keys`] },
  { what: 'two documents', yaml: 'app: a\n---\napp: b\n', code: 10, says: [`${AT}:2: `] },
  { what: 'aliases that grow without end', yaml: bomb, code: 10, says: [`${AT}:`, 'alias'] },
  { what: 'an unknown key', yaml: 'imags: [A]\n', code: 10, says: [`${AT}:1: unknown key 'imags'`, "'images'"] },
  {
    what: 'an unknown key in a section',
    yaml: 'fence:\n  mod: auto\n',
    code: 10,
    says: [`${AT}:2: unknown key 'mod' in fence`, "'mode'"],
  },
  {
    what: 'an unknown key in a list in a section',
    yaml: 'gates:\n  after:\n    - http: http://x/\n      statsu: 200\n',
    code: 10,
    says: [`${AT}:4: unknown key 'statsu' in gates.after[0]`, "'status'"],
  },
  { what: 'a number for a list', yaml: 'images: 5\n', code: 10, says: [`${AT}:1: images`, 'not'] },
  { what: 'text for a number', yaml: 'keep_releases: many\n', code: 10, says: [`${AT}:1: keep_releases`, "'many'"] },
  { what: 'a map for a list', yaml: 'gates:\n  after: {a: b}\n', code: 10, says: [`${AT}:2: gates.after`, 'a map'] },
  { what: 'a duration in words', yaml: 'stability: soon\n', code: 10, says: [`${AT}:1: stability`, "'soon'"] },
  {
    what: 'a duration of no known unit',
    yaml: 'gates:\n  defaults: {interval: 5 weeks}\n',
    code: 10,
    says: [`${AT}:2: gates.defaults.interval`, "'5 weeks'"],
  },
  { what: 'a negative duration', yaml: 'stability: -3s\n', code: 10, says: [`${AT}:1: stability`, "'-3s'"] },
  { what: 'a command for a shell', yaml: 'hooks: {failed: "a | b"}\n', code: 10, says: [`${AT}:1: hooks.failed`] },
  {
    what: 'a fence of no known kind',
    yaml: 'fence: {mode: wall}\n',
    code: 10,
    says: [`${AT}:1: fence.mode`, "'wall'"],
  },
  {
    what: 'a password in a file that is committed',
    yaml: 'app: a\ndatabase: {uri: "mongodb://u:hunter22@mongo/kaleem"}\n',
    code: 10,
    says: [`${AT}:2: database.uri has a password in it`],
  },
  {
    what: 'a secret file for all to read',
    yaml: 'database: {uri: {file: uri}}\n',
    prepare: file('uri', 'mongodb://mongo/kaleem\n', 0o644),
    code: 10,
    says: ['the secret file', 'is open to every user'],
  },
  {
    what: 'a registry password that is not there',
    yaml: 'registries:\n  - {server: ghcr.io, username: me, password: {env: NO_SUCH}}\n',
    code: 10,
    says: ['registries[0].password', 'NO_SUCH'],
  },
  { what: 'backups within the state', yaml: 'backup: {directory: .kaleem/b}\n', code: 10, says: [`${AT}:1: `] },
  {
    what: 'an order with a service that is none',
    yaml: 'order: [mongo, apu]\n',
    here: true,
    code: 10,
    says: ['names apu, which'],
  },
  { what: 'an order that leaves one out', yaml: 'order: [mongo, api, nginx]\n', here: true, code: 10, says: ['redis'] },
  { what: 'a writer that is no service', yaml: 'writers: [apu]\n', here: true, code: 10, says: ['names apu, which'] },
  {
    what: 'an edge that is a writer too',
    yaml: 'edge: nginx\nwriters: [api, nginx]\n',
    here: true,
    code: 10,
    says: ['nginx', 'edge', 'writer'],
  },
  {
    what: 'a gate for a container of no service',
    yaml: 'gates: {after: [{container: apu}]}\n',
    here: true,
    code: 10,
    says: ['names apu, which'],
  },
  {
    what: 'an init step for no service',
    yaml: 'init: [{nginx-reload: ngnix}]\n',
    here: true,
    code: 10,
    says: ['names ngnix, which'],
  },
  {
    what: 'a hook in a container of no service',
    yaml: 'hooks: {migrate: {run: [x], service: apu}}\n',
    here: true,
    code: 10,
    says: ['names apu, which'],
  },
  { what: 'a file that everyone can change', prepare: file(AT, 'app: a\n', 0o666), code: 10, says: [AT, 'every user'] },
  { what: 'a folder in the place of the file', prepare: folder(AT), code: 10, says: [AT, 'folder'] },
  {
    what: 'text that is not UTF-8',
    prepare: file(AT, Buffer.from('app: \xe9\n', 'latin1')),
    code: 10,
    says: ['UTF-8'],
  },
  {
    what: 'a link to nowhere',
    prepare: ({ directory }) => symlink('nowhere.yml', join(directory, AT)),
    code: 10,
    says: [AT],
  },
  { what: 'a file that is not there', argv: ['-c', 'other.yml', 'v0.0.5'], code: 10, says: ['other.yml'] },
  {
    what: 'a destination that is not there',
    argv: ['-d', 'staging', 'v0.0.5'],
    code: 10,
    says: ['kaleem-deploy.staging.yml'],
  },
  {
    what: 'a mistake in the overlay alone',
    yaml: 'app: a\n',
    prepare: file('kaleem-deploy.staging.yml', 'app: b\n\nstabilty: 3s\n'),
    argv: ['-d', 'staging', 'v0.0.5'],
    code: 10,
    says: ["kaleem-deploy.staging.yml:3: unknown key 'stabilty'"],
  },
];
