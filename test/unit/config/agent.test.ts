import { describe, expect, it } from 'vitest';
import { failure, load, project } from './project.ts';

const agentOf = async (yaml: string) => (await load(await project({ 'kaleem-deploy.yml': yaml }))).agent;
const problem = async (yaml: string) => failure(load(await project({ 'kaleem-deploy.yml': yaml })));

describe('the agent', () => {
  it('has its schedules without a word in the file', async () => {
    expect(await agentOf('app: kaleem\n')).toEqual({
      timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      ...{ jitterMs: 0, catchUp: true, watchReleaseMs: 600_000, diskFullPercent: 90 },
      schedules: {
        ...{ backup: ['0 3 * * *'], verify: ['0 5 * * 0'], drill: ['0 6 1 * *'], prune: ['0 4 * * *'] },
        watch: ['*/5 * * * *'],
      },
    });
  });

  it('backs up nothing where there is no database, unless that is said', async () => {
    const { schedules } = await agentOf('database: none\n');
    expect(schedules).toMatchObject({ backup: [], verify: [], drill: [], prune: ['0 4 * * *'] });
    const said = await agentOf("database: none\nagent: {schedules: {verify: '0 1 * * *'}}\n");
    expect(said.schedules).toMatchObject({ backup: [], verify: ['0 1 * * *'] });
  });

  it('does what the file says', async () => {
    const yaml = `
agent:
  time_zone: Europe/Berlin
  jitter: 5m
  catch_up: false
  schedules:
    backup: ['0 3 * * *', '30 15 * * 1-5']
    drill: none
  watch_release: 30m
  disk_full: 80
`;
    expect(await agentOf(yaml)).toEqual({
      ...{ timeZone: 'Europe/Berlin', jitterMs: 300_000, catchUp: false },
      ...{ watchReleaseMs: 1_800_000, diskFullPercent: 80 },
      schedules: {
        ...{ backup: ['0 3 * * *', '30 15 * * 1-5'], verify: ['0 5 * * 0'], drill: [], prune: ['0 4 * * *'] },
        watch: ['*/5 * * * *'],
      },
    });
  });

  it.each([
    [
      'agent: {time_zone: Europe/Atlantis}',
      /kaleem-deploy.yml:1: agent.time_zone: there is no time zone Europe\/Atlantis/,
    ],
    ['agent: {time_zone: "+02:00"}', /agent.time_zone.* must be a time zone such as Europe\/Berlin/],
    ["agent: {schedules: {backup: '0 3 * *'}}", /agent.schedules.backup: '0 3 \* \*' is no schedule: .*five fields/],
    ["agent: {schedules: {backup: '0 25 * * *'}}", /'0 25 \* \* \*' is no schedule/],
    ["agent: {schedules: {drill: '0 0 30 2 *'}}", /is no schedule: it never comes/],
    ['agent: {schedules: {backup: 3}}', /agent.schedules.backup.* a schedule in quotes/],
    ['agent: {schedules: {bakup: none}}', /did you mean 'backup'|bakup/],
    ['agent: {disk_full: 100}', /agent.disk_full.* whole number from 10 to 99/],
  ])('%s is refused', async (yaml, why) => {
    const error = await problem(yaml);
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(why);
  });
});
