import { expect, test } from 'vitest';
import { writtenAtStart } from '../../../src/compose/written-at-start.ts';

test('services with inline configs or secrets from a variable are named, those with files are not', () => {
  const text = JSON.stringify({
    services: {
      web: { configs: [{ source: 'inline', target: '/etc/web' }] },
      api: { secrets: [{ source: 'token' }] },
      file: { configs: [{ source: 'onDisk' }], secrets: null },
      plain: { image: 'x' },
    },
    configs: { inline: { content: 'a' }, onDisk: { file: '/srv/a' } },
    secrets: { token: { environment: 'TOKEN' } },
  });
  expect([...writtenAtStart(text)]).toEqual(['web', 'api']);
  expect([...writtenAtStart(JSON.stringify({ services: { web: {} } }))]).toEqual([]);
});
