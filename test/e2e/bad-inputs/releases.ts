import type { BadInput } from './bad-input.ts';

export const releases: readonly BadInput[] = [
  {
    what: 'a tag that the registry does not have',
    argv: ['v9.9.9'],
    here: true,
    code: 12,
    says: [({ registry }) => `${registry}/kaleem-api:v9.9.9`],
  },
  {
    what: 'a tag in upper case, which is a good one, that the registry does not have',
    argv: ['V9.9.9-RC1'],
    here: true,
    code: 12,
    says: [({ registry }) => `${registry}/kaleem-api:V9.9.9-RC1`],
  },
  {
    what: 'a repository that the registry does not have',
    variables: { KALEEM_API_IMAGE: ({ registry }) => `${registry}/kaleem-apu:v0.0.1` },
    here: true,
    code: 12,
    says: [({ registry }) => `${registry}/kaleem-apu:v0.0.5`],
  },
  {
    what: 'a registry that is down',
    variables: { KALEEM_API_IMAGE: ({ deadPort }) => `127.0.0.1:${deadPort}/kaleem/kaleem-api:v0.0.1` },
    here: true,
    slow: true,
    code: 12,
    says: [({ deadPort }) => `127.0.0.1:${deadPort}`],
  },
  {
    what: 'a registry that is no host',
    variables: { KALEEM_API_IMAGE: 'registry.invalid/kaleem/kaleem-api:v0.0.1' },
    here: true,
    slow: true,
    code: 12,
    says: ['registry.invalid'],
  },
  {
    what: 'a release that is not kept',
    argv: ['rollback', 'v9.9.9'],
    here: true,
    code: 12,
    says: ['no release v9.9.9'],
  },
  { what: 'a rollback to a tag that is none', argv: ['rollback', 'a/b'], code: 2, says: ['"a/b" is not an image tag'] },
];
