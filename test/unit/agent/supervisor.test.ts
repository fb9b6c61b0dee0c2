import { expect, it } from 'vitest';
import { openSupervisor } from '../../../src/agent/supervisor.ts';
import type { CommandRunner } from '../../../src/system/command.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const open = (environment: Readonly<Record<string, string>>) => {
  const clock = createFakeClock();
  const ran: string[] = [];
  const commands: CommandRunner = {
    async run(argv, { env }) {
      ran.push(`${argv.join(' ')} to ${env?.NOTIFY_SOCKET}`);
      return { exitCode: 0, stdout: '', stderr: '', timedOut: false };
    },
  };
  return { clock, ran, supervisor: openSupervisor(environment, { commands, clock }) };
};

it('tells systemd how it is', async () => {
  const { ran, supervisor } = open({ NOTIFY_SOCKET: '/run/notify', PATH: '/usr/bin' });
  for (const what of ['ready', 'reloading', 'stopping'] as const) await supervisor.tell(what);
  await supervisor.alive();
  expect(ran).toEqual(['READY=1', 'RELOADING=1', 'STOPPING=1'].map((text) => `systemd-notify ${text} to /run/notify`));
});

it('feeds the watchdog twice in its time, however often it is asked', async () => {
  const { clock, ran, supervisor } = open({ NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '120000000' });
  for (let seconds = 0; seconds < 600; seconds += 30) {
    await supervisor.alive();
    await clock.sleep(30_000);
  }
  expect(ran).toEqual(Array<string>(10).fill('systemd-notify WATCHDOG=1 to /run/notify'));
});

it('says nothing where nobody listens', async () => {
  const { ran, supervisor } = open({ WATCHDOG_USEC: '1000' });
  await supervisor.tell('ready');
  await supervisor.alive();
  expect(ran).toEqual([]);
});
