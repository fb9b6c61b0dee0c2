import { accountIn } from './account.ts';
import type { Found } from './look.ts';
import { ok, refuse, type Step } from './step.ts';
import { GATE_COMMAND } from './sudo-rule.ts';

/** As a line of a .pub file has it: type, key, comment. */
interface PublicKey {
  readonly type: string;
  readonly blob: string;
  readonly comment: string;
}

/** The types that sshd takes by default, and a key that names the same type in itself. */
const TYPES =
  /^(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/;

/** Null: it is no public key of one line. */
export const publicKeyIn = (text: string): PublicKey | null => {
  const [type = '', blob = '', ...rest] = text.trim().split(/[ \t]+/);
  if (!TYPES.test(type) || !/^[A-Za-z0-9+/]{40,}={0,2}$/.test(blob) || /[\r\n]/.test(text.trim())) return null;
  const bytes = Buffer.from(blob, 'base64');
  const named = bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString('latin1');
  if (named !== type) return null;
  return {
    type,
    blob,
    comment: rest
      .join(' ')
      .replace(/[^\x20-\x7e]/g, '?')
      .slice(0, 100),
  };
};

const OPTIONS = `restrict,command="/usr/bin/sudo -n ${GATE_COMMAND}"`;
/** What setup has ever written; another gate's line, or one without `restrict`, is somebody else's. */
const OURS = /^restrict,command="(?:\/usr\/bin\/)?sudo -n \/\S*kaleem-deploy gate --config \S+ --key \S+" /;

/** The line of authorized_keys (sshd(8)). */
export const authorizedLine = ({ type, blob, comment }: PublicKey): string =>
  [OPTIONS, type, blob, comment].filter((part) => part !== '').join(' ');

/** Most that is looked at; a longer file is not understood whole. */
const MOST = 65_536;

export type Authorized = 'yes' | 'no' | 'outdated' | 'otherwise';

/** What a file of authorized keys says of a key. */
export const authorizedIn = (text: string, { type, blob }: PublicKey): Authorized => {
  const lines = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#') && line.split(/\s+/).includes(blob));
  if (lines.length === 0) return 'no';
  if (!lines.every((line) => OURS.test(line))) return 'otherwise';
  return lines.length === 1 && lines[0]?.startsWith(`${OPTIONS} ${type} ${blob}`) === true ? 'yes' : 'outdated';
};

/** As the account itself, so that no link in its home leads root elsewhere. Arguments: the account, the key, the line. */
const AUTHORIZE = `
home=$(getent passwd "$1" | cut -d : -f 6)
runuser -u "$1" -- sh -c '
  set -e
  umask 077
  cd -- "$1"
  mkdir -p .ssh
  cd .ssh
  temp=$(mktemp .kaleem-deploy.XXXXXX)
  trap "rm -f -- $temp" EXIT
  if [ -e authorized_keys ]; then grep -vF -- "$2" authorized_keys >"$temp" || [ $? = 1 ]; fi
  printf "%s\\n" "$3" >>"$temp"
  sync -- "$temp"
  mv -fT -- "$temp" authorized_keys
  sync -- .
' authorize "$home" "$2" "$3"
`;

const stateOf = (found: Found, key: PublicKey | null): Authorized => {
  const text = accountIn(found) === null ? '' : (found.get('keys') ?? '');
  if (text.length >= MOST)
    refuse('the file of authorized keys there is too long', 'tidy ~/.ssh/authorized_keys up there');
  return key === null ? 'no' : authorizedIn(text, key);
};

export const keyStep: Step = {
  name: 'deploy key',
  decide(found, { account, key }) {
    const known = key.publicKey === null ? null : publicKeyIn(key.publicKey);
    if (key.publicKey !== null && known === null)
      refuse(`${key.shown} is no public key of OpenSSH's`, 'ssh-keygen -lf FILE');
    const state = stateOf(found, known);
    if (state === 'yes') return ok(key.shown);
    if (state === 'otherwise') {
      refuse(
        `the key ${key.shown} may log in as ${account} already, with more rights than the gate's`,
        `take its line out of ~/.ssh/authorized_keys of ${account} there, or use another key: --key FILE.pub`,
      );
    }
    return {
      is: 'change',
      would: `${known === null ? `make ${key.shown} and let it` : `let ${key.shown}`} log in as ${account}, for the gate alone`,
      async act(site) {
        const made = known ?? publicKeyIn(await key.make());
        if (made === null) return refuse(`${key.shown} is no public key of OpenSSH's`, 'ssh-keygen -lf FILE');
        await site.sh('authorizing the key', AUTHORIZE, [account, made.blob, authorizedLine(made)]);
        return `${key.shown} may log in as ${account}, for the gate alone`;
      },
    };
  },
};
