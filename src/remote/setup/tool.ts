import { Readable } from 'node:stream';
import { sha256Of } from '../../system/sha256.ts';
import { type Found, PLACES } from './look.ts';
import { nodeOf } from './node.ts';
import { isNewer } from './numbers.ts';
import { ok, refuse, type Site, type Step, type Tool } from './step.ts';

/** Folders of versions; others in the same place are somebody else's. */
const FOLDER = /^\d{1,6}\.\d{1,6}\.\d{1,6}[0-9A-Za-z.+-]{0,60}-[0-9a-f]{12}$/;

const mainOf = (folder: string): string => `${PLACES.programs}/${folder}/dist/cli/main.js`;

/** What is at `PLACES.program`: no link, so that which Node it is does not depend on whoever calls. */
export const launcher = (node: string, folder: string): string =>
  `#!/bin/sh\n# Written by kaleem-deploy setup.\nexec ${node} ${mainOf(folder)} "$@"\n`;

const launched = (text = ''): string | null => {
  const folder = /^exec \S+ \/opt\/kaleem-deploy\/([^/\s]+)\/dist\/cli\/main\.js /m.exec(text)?.[1] ?? '';
  return FOLDER.test(folder) ? folder : null;
};

/** Folders that nobody needs: all but the new one and the one before, of which something may still run. */
export const superfluous = (found: Found, folder: string): readonly string[] => {
  const all = (found.get('programs') ?? '').split('\n').filter((name) => FOLDER.test(name));
  const current = launched(found.get('program'));
  // The newest first; when nothing changes hands, the one before is the newest of the others.
  const before = current === folder ? all.find((name) => name !== folder) : current;
  return all.filter((name) => name !== folder && name !== before);
};

/** Arguments: the folder of all versions, the name of this one, SHA-256 of the archive, the Node that is to run it. */
const UPLOAD = `
set -e
mkdir -p -- "$1"
find "$1" -maxdepth 1 -name '.upload.*' -mmin +60 -exec rm -rf -- {} +
temp=$(mktemp -d -- "$1/.upload.XXXXXX")
trap 'rm -rf -- "$temp"' EXIT
cat >"$temp/archive"
[ "$(sha256sum <"$temp/archive" | cut -d ' ' -f 1)" = "$3" ] || { echo 'it did not arrive whole' >&2; exit 1; }
mkdir -- "$temp/tool"
tar -xzf "$temp/archive" --no-same-owner -C "$temp/tool"
"$4" "$temp/tool/dist/cli/main.js" version
find "$temp/tool" -type f -exec sync -- {} +
mv -T -- "$temp/tool" "$1/$2"
sync -- "$1"
`;

const upload = async (site: Site, node: string, { archive, folder }: Tool): Promise<void> => {
  const args = [PLACES.programs, folder, sha256Of(archive), node];
  await site.sh('uploading kaleem-deploy', UPLOAD, args, Readable.from([archive]));
};

const REMOVE = `
cd -- "$1"
shift
rm -rf -- "$@"
`;

const assertNotNewer = (there: string, { version }: Tool, downgrade: boolean): void => {
  if (downgrade || !isNewer(there, version)) return;
  refuse(
    `the host has kaleem-deploy ${there}, and this is the older ${version}`,
    'update this one, or add --downgrade',
  );
};

export const toolStep: Step = {
  name: 'kaleem-deploy',
  decide(found, { tool, downgrade }) {
    const there = found.get('program-version')?.trim() ?? '';
    const node = nodeOf(found)?.path ?? null;
    const isThere = (found.get('programs') ?? '').split('\n').includes(tool.folder);
    const link = found.get('program-link')?.trim();
    const old = superfluous(found, tool.folder);
    const isCurrent =
      isThere && link === undefined && node !== null && found.get('program') === launcher(node, tool.folder);
    if (isCurrent && old.length === 0) return ok(tool.folder);
    assertNotNewer(there, tool, downgrade);
    const instead = there === '' || isCurrent ? '' : ` instead of ${launched(found.get('program')) ?? link ?? there}`;
    return {
      is: 'change',
      would: isCurrent ? `remove ${old.join(', ')}` : `upload ${tool.folder}${instead}`,
      async act(site) {
        const runs = site.node ?? node;
        if (runs === null) return refuse('there is no Node to run it', 'node --version');
        if (!isThere) await upload(site, runs, tool);
        if (!isCurrent) await site.write(PLACES.program, launcher(runs, tool.folder), '755');
        if (old.length > 0) await site.sh('removing old versions', REMOVE, [PLACES.programs, ...old]);
        return isCurrent ? `removed ${old.join(', ')}` : `${tool.folder}${instead}`;
      },
    };
  },
};
