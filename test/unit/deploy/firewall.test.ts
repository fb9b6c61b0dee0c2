import { setImmediate as soon } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openFirewall } from '../../../src/deploy/fence/firewall.ts';
import type { CommandRunner } from '../../../src/system/command.ts';

const PORT = { hostIp: null, published: 80, target: 80, protocol: 'tcp' } as const;
const OWNER = { project: 'app', operation: '000001-ab12' };

/** Both families are there; IPv4 refuses rules at once, IPv6 takes them a moment later. */
const twoFamilies = () => {
  const ended: string[] = [];
  const commands: CommandRunner = {
    run: async ([program = '']) => {
      if (program === 'ip6tables-restore') for (let turn = 0; turn < 5; turn += 1) await soon();
      ended.push(program);
      const exitCode = program === 'iptables-restore' ? 1 : 0;
      return { exitCode, stdout: ':DOCKER - [0:0]\n', stderr: 'line 3 failed', timedOut: false };
    },
  };
  return { ended, commands };
};

test('rules that one family refuses are an error, which waits for the other: nothing appears after an undo', async () => {
  const { ended, commands } = twoFamilies();
  const firewall = await openFirewall(commands);
  const before = ended.length;
  await expect(firewall?.redirect(OWNER, [PORT], 4000)).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('iptables-restore refused the rules of the fence: line 3 failed'),
  });
  expect(ended.slice(before)).toEqual(['iptables-restore', 'ip6tables-restore']);
});
