import { DeployError } from '../../errors.ts';
import { lastLine } from '../../system/command.ts';
import type { Administrator } from './administrator.ts';

/** What was found, by name; what is not there has no entry. Nothing in it is to be trusted to have any form. */
export type Found = ReadonlyMap<string, string>;

/** Where everything is that setup makes and does not ask about. */
export const PLACES = {
  program: '/usr/local/bin/kaleem-deploy',
  programs: '/opt/kaleem-deploy',
  node: '/opt/kaleem-deploy/node/node',
  gate: '/etc/kaleem-deploy/gate.yml',
  sudoers: '/etc/sudoers.d/kaleem-deploy',
  unit: '/etc/systemd/system/kaleem-deploy-agent.service',
} as const;

/** Values go in base64: whatever is in them, it is one line. At most 64 KiB of each. */
const TELL = `
fact() { value=$(head -c 65536 | base64 -w 0); printf 'fact %s %s\\n' "$1" "$value"; }
word() { [ -z "$2" ] || printf %s "$2" | fact "$1"; }
file() { [ ! -e "$2" ] || fact "$1" <"$2"; }
quick() { timeout 20 "$@" 2>/dev/null </dev/null; }
has() { command -v "$1" 2>/dev/null; }
`;

/** Ends with a fact of its own: an answer without it was cut. */
const END = `
word end yes
exit 0
`;

/** Arguments: the account, then `PLACES` in their order. */
const LOOK = `${TELL}
account=$1 program=$2 programs=$3 node=$4 gate=$5 sudoers=$6 unit=$7
file os-release /etc/os-release
word architecture "$(quick dpkg --print-architecture)"
word machine "$(uname -m)"
word init "$(cat /proc/1/comm)"
[ ! -d /run/systemd/system ] || word booted yes
df -Pk / /usr /var /opt 2>/dev/null | fact disk
word unfinished "$(quick dpkg --audit)"
word dockerd "$(has dockerd)"
word engine "$(quick docker version --format '{{.Server.Version}}')"
word containers "$(quick docker ps --quiet)"
word engine-enabled "$(systemctl is-enabled docker.service 2>/dev/null)"
word compose "$(quick docker compose version --short)"
word iptables "$(has iptables)"
word sudo "$(has sudo)"
word visudo "$(has visudo)"
for each in /usr/local/bin/node /usr/bin/node "$node"; do
  [ ! -x "$each" ] || printf '%s %s\\n' "$each" "$(quick "$each" --version)"
done | fact nodes
ls -1t "$programs" 2>/dev/null | fact programs
file program "$program"
word program-link "$(readlink "$program")"
[ ! -e "$program" ] || word program-version "$(quick "$program" version)"
passwd=$(getent passwd "$account") && {
  word passwd "$passwd"
  word groups "$(id -Gn "$account")"
  home=$(printf %s "$passwd" | cut -d: -f6)
  runuser -u "$account" -- head -c 65536 "$home/.ssh/authorized_keys" 2>/dev/null | fact keys
}
file sudoers "$sudoers"
[ ! -e "$sudoers" ] || word sudoers-mode "$(stat -c '%u %a' "$sudoers")"
file gate "$gate"
file unit "$unit"
word unit-enabled "$(systemctl is-enabled "\${unit##*/}" 2>/dev/null)"
word unit-active "$(systemctl is-active "\${unit##*/}" 2>/dev/null)"
${END}`;

/** Arguments: the project's folder. */
const LOOK_FOLDER = `${TELL}
at() { stat -c '%F|%u|%a' -- "$1" 2>/dev/null; }
word folder "$(at "$1")"
word state "$(at "$1/.kaleem")"
word backups "$(at "$1/backups")"
for each in kaleem-deploy.yml kaleem-deploy.yaml compose.yaml compose.yml docker-compose.yml docker-compose.yaml .env; do
  [ ! -e "$1/$each" ] || printf '%s\\n' "$each"
done | fact files
${END}`;

const FACT = /^fact ([a-z-]{1,30}) ([A-Za-z0-9+/=]*)$/;

/** Reads what a look has printed; a login may print other lines around it. Null: it was cut. */
export const parseFacts = (text: string): Found | null => {
  const found = new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, name, value] = FACT.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, Buffer.from(value, 'base64').toString('utf8')]];
    }),
  );
  return found.get('end') === 'yes' ? found : null;
};

const ask = async (there: Administrator, script: string, args: readonly string[]): Promise<Found> => {
  const answer = await there.run(script, args);
  const found = parseFacts(answer.stdout);
  if (found !== null) return found;
  throw new DeployError('setup-failed', `the host does not say what it has: ${lastLine(answer)}`, {
    hint: 'log in there and look: ssh; its shell must be one that understands sh(1)',
  });
};

/** Everything that does not depend on where the project is, in one question. */
export const lookAround = (there: Administrator, account: string): Promise<Found> => {
  const { program, programs, node, gate, sudoers, unit } = PLACES;
  return ask(there, LOOK, [account, program, programs, node, gate, sudoers, unit]);
};

export const lookIntoFolder = (there: Administrator, directory: string): Promise<Found> =>
  ask(there, LOOK_FOLDER, [directory]);
