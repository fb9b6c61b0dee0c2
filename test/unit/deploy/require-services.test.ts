import { describe, expect, it } from 'vitest';
import { requireServices } from '../../../src/deploy/require-services.ts';
import { byName, service } from '../compose/fixtures.ts';

type Config = Parameters<typeof requireServices>[0];

const project = { services: byName(service('api'), service('nginx')) };
const gate = { name: 'a gate', attempts: 1, intervalMs: 1, timeoutMs: 1 };
const config = (fields: Partial<Config>): Config => ({
  gates: { before: [], after: [] },
  init: [],
  hooks: {},
  ...fields,
});
const hook = (name: string | null) => ({ argv: ['x'], service: name, timeoutMs: 1 });

describe('services that the configuration names', () => {
  it.each<readonly [string, Config]>([
    ['nothing', config({})],
    ['a hook on the host', config({ hooks: { migrate: hook(null) } })],
    ['a hook in a service', config({ hooks: { migrate: hook('api') } })],
    [
      'a gate on the host',
      config({ gates: { before: [], after: [{ ...gate, type: 'command', argv: ['x'], service: null }] } }),
    ],
    [
      'a gate that names none',
      config({ gates: { before: [{ ...gate, type: 'tcp', host: 'nowhere', port: 1 }], after: [] } }),
    ],
    ['an init step', config({ init: [{ type: 'nginx-reload', service: 'nginx' }] })],
  ])('are there: %s', (_, good) => {
    expect(() => requireServices(good, project)).not.toThrow();
  });

  it.each<readonly [string, Config]>([
    ['the gate a gate', config({ gates: { before: [{ ...gate, type: 'container', service: 'apu' }], after: [] } })],
    [
      'the gate a gate',
      config({ gates: { before: [], after: [{ ...gate, type: 'command', argv: ['x'], service: 'apu' }] } }),
    ],
    ['the init step nginx-reload', config({ init: [{ type: 'nginx-reload', service: 'apu' }] })],
    ['the hook migrate', config({ hooks: { migrate: hook('apu') } })],
  ])('are not there: %s', (who, bad) => {
    expect(() => requireServices(bad, project)).toThrow(
      expect.objectContaining({
        code: 'config-invalid',
        message: `${who} names apu, which the compose file does not have`,
        hint: 'services are api, nginx',
      }),
    );
  });
});
