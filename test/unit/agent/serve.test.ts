import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serveAgent } from '../../../src/agent/serve.ts';
import type { AgentEvent } from '../../../src/agent/world.ts';
import { becomeAgent } from '../../../src/operation/agent-socket.ts';
import { systemClock } from '../../../src/system/clock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaleem-agent-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** What stands for this tool: it answers `agent --settings` with this, and is done with anything else at once. */
const programOf = (settings: string, exitCode = 0): readonly string[] => {
  const script = `const isAsked = process.argv.includes('--settings');
    process.stdout.write(isAsked ? ${JSON.stringify(settings)} : '{"recovered":[]}');
    process.exitCode = isAsked ? ${exitCode} : 0;`;
  return [process.execPath, '-e', script, '--'];
};
const settings = () =>
  JSON.stringify({
    ...{ stateDirectory: join(folder, 'state'), warnings: ['HEALTH_URL is not set'] },
    agent: {
      ...{ timeZone: 'UTC', jitterMs: 0, catchUp: true, watchReleaseMs: 0, diskFullPercent: 90 },
      schedules: { backup: ['0 3 1 1 *'], verify: [], drill: [], prune: [], watch: [] },
    },
  });

/** Until there is an event of this type, or it ends by itself. */
const serve = async (program: readonly string[], last: AgentEvent['type']): Promise<readonly AgentEvent[]> => {
  const events: AgentEvent[] = [];
  const stop = new AbortController();
  await serveAgent({
    ...{ clock: systemClock, environment: process.env, cwd: folder, program, scope: ['--destination', 'x'] },
    ...{ signal: stop.signal, onReload: () => {} },
    say: (event) => {
      events.push(event);
      if (event.type === last) stop.abort(new Error('stopped'));
    },
  });
  return events;
};

it('says what is wrong with the configuration, when its first times are, and that it was stopped', async () => {
  const events = await serve(programOf(settings()), 'started');
  expect(events.map(({ type }) => type)).toEqual(['warning', 'started', 'stopped']);
  expect(events[0]).toEqual({ type: 'warning', text: 'HEALTH_URL is not set' });
  expect(events[1]).toMatchObject({ next: { backup: expect.stringMatching(/-01-01T03:00:00.000Z$/) } });
});

it('is one for each state directory', async () => {
  const place = await becomeAgent(join(folder, 'state'));
  await expect(serve(programOf(settings()), 'started')).rejects.toMatchObject({ code: 'locked' });
  await place.close();
  await serve(programOf(settings()), 'started');
});

it('does not begin with a configuration that is none', async () => {
  const broken = programOf('{"error":{"message":"kaleem-deploy.yml:3: no"}}', 10);
  await expect(serve(broken, 'started')).rejects.toMatchObject({
    ...{ code: 'config-invalid', message: 'kaleem-deploy.yml:3: no' },
  });
});
