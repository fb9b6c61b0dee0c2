import { Readable } from 'node:stream';
import { DeployError } from '../../errors.ts';
import { type Administrator, AGAIN } from './administrator.ts';
import type { Site } from './step.ts';

const MOST_LINES = 12;

/** What a failed command said last. */
const lastLines = (text: string): readonly string[] => text.trimEnd().split('\n').slice(-MOST_LINES);

/**
 * Old or new, whole, whatever happens: a temporary file beside it (its name has dots, so that nobody who reads such folders takes it for one of
 * theirs), its length, the check, then its name. Arguments: path, mode, bytes, the check.
 */
const WRITE = `
set -e
folder=$(dirname -- "$1")
mkdir -p -- "$folder"
temp=$(mktemp -- "$folder/.kaleem-deploy.XXXXXX.tmp")
trap 'rm -f -- "$temp"' EXIT
cat >"$temp"
[ "$(wc -c <"$temp")" -eq "$3" ] || { echo 'it did not arrive whole' >&2; exit 1; }
chmod "$2" -- "$temp"
case $4 in sudoers) visudo -c -q -f "$temp" >&2 ;; esac
sync -- "$temp"
mv -fT -- "$temp" "$1"
sync -- "$folder"
`;

/** The host, for what steps do. */
export const openSite = (there: Administrator, host: string): Site => {
  const sh: Site['sh'] = async (what, script, args, input) => {
    const { exitCode, stdout, stderr } = await there.run(script, args, input);
    if (exitCode === 0) return stdout;
    const said = stderr.trim() || stdout.trim() || 'it said nothing';
    throw new DeployError('setup-failed', `${what} failed on ${host}: exit ${exitCode}`, {
      details: lastLines(said),
      hint: `when that is put right, ${AGAIN}`,
    });
  };
  return {
    ...{ there, sh, node: null, offers: null },
    async write(path, text, mode, check) {
      const bytes = Buffer.from(text);
      await sh(`writing ${path}`, WRITE, [path, mode, String(bytes.length), check ?? ''], Readable.from([bytes]));
    },
  };
};
