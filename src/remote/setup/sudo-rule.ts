import { installPackages } from './apt.ts';
import { PLACES } from './look.ts';
import { ok, refuse, type Step } from './step.ts';

/** The name of the key at the gate. */
export const KEY_NAME = 'deploy';

const HEADER = '# Written by kaleem-deploy setup: the account may be root for this one command line.';

/** What the forced command runs as root: no more and no less. */
export const GATE_COMMAND = `${PLACES.program} gate --config ${PLACES.gate} --key ${KEY_NAME}`;

/** sudoers(5): these characters mean something in a command line. None is in ours, and that stays so. */
const MEANS_SOMETHING = /[,:=\\*?[\]!"#]/;

/** For sudoers(5). What sshd says of the session is let through; nothing else of what a client may have sent. */
export const sudoersOf = (account: string): string => {
  if (MEANS_SOMETHING.test(GATE_COMMAND)) throw new Error(`${GATE_COMMAND} needs quoting`);
  return [
    HEADER,
    `Defaults:${account} env_reset, env_keep = "SSH_ORIGINAL_COMMAND SSH_CONNECTION SSH_USER_AUTH"`,
    `${account} ALL=(root) NOPASSWD: ${GATE_COMMAND}`,
    '',
  ].join('\n');
};

export const sudoStep: Step = {
  name: 'sudo rule',
  decide(found, { account }) {
    const text = sudoersOf(account);
    const old = found.get('sudoers');
    const isThere = found.has('sudo') && found.has('visudo');
    if (isThere && old === text && found.get('sudoers-mode')?.trim() === '0 440') return ok(PLACES.sudoers);
    if (old !== undefined && !old.startsWith('# Written by kaleem-deploy setup')) {
      refuse(
        `${PLACES.sudoers} is there, and setup has not written it`,
        `look at it: sudo cat ${PLACES.sudoers}; move it away`,
      );
    }
    return {
      is: 'change',
      would: `${isThere ? '' : 'install sudo, '}let ${account} run the gate as root, in ${PLACES.sudoers}`,
      async act(site) {
        if (!isThere) await installPackages(site, ['sudo']);
        await site.write(PLACES.sudoers, text, '440', 'sudoers');
        return `${isThere ? '' : 'installed sudo; '}${PLACES.sudoers}`;
      },
    };
  },
};
