import { createReadStream } from 'node:fs';
import { createGzip } from 'node:zlib';
import { sha256OfStream } from '../../system/sha256.ts';
import { findOwnPackages, installPackages } from './apt.ts';
import { type Found, PLACES } from './look.ts';
import { isAtLeast } from './numbers.ts';
import { LEAST } from './packages.ts';
import { ok, refuse, type Site, type SpareNode, type Step } from './step.ts';

/** Absolute path of a Node there that is new enough; null: there is none. */
export const nodeOf = (found: Found): { readonly path: string; readonly version: string } | null => {
  for (const line of (found.get('nodes') ?? '').split('\n')) {
    const [path, version = ''] = line.split(' ');
    if (path?.startsWith('/') && isAtLeast(version, LEAST.node)) return { path, version };
  }
  return null;
};

/** As dpkg calls it. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Whether the host may be able to run Node's binary from here. */
const fits = (spare: SpareNode | null, found: Found): spare is SpareNode =>
  spare !== null &&
  spare.platform === 'linux' &&
  ARCHITECTURES[spare.architecture] === found.get('architecture') &&
  isAtLeast(spare.version, LEAST.node);

/** It has to say its version there before it gets its name. Arguments: where to, and its SHA-256. */
const UPLOAD = `
set -e
folder=$(dirname "$1")
mkdir -p -- "$folder"
temp=$(mktemp -- "$folder/.node.XXXXXX")
trap 'rm -f -- "$temp"' EXIT
gzip -dc >"$temp"
[ "$(sha256sum <"$temp" | cut -d ' ' -f 1)" = "$2" ] || { echo 'it did not arrive whole' >&2; exit 1; }
chmod 755 -- "$temp"
"$temp" --version
sync -- "$temp"
mv -fT -- "$temp" "$1"
sync -- "$folder"
`;

const upload = async (site: Site, { path, version }: SpareNode): Promise<string> => {
  const packed = createReadStream(path).pipe(createGzip({ level: 5 }));
  await site.sh(
    `uploading Node ${version} of this computer`,
    UPLOAD,
    [PLACES.node, await sha256OfStream(createReadStream(path))],
    packed,
  );
  site.node = PLACES.node;
  return `Node ${version} of this computer, as ${PLACES.node}`;
};

const LOOK = `
for each in /usr/bin/node /usr/local/bin/node; do
  [ ! -x "$each" ] || printf '%s %s\\n' "$each" "$("$each" --version)"
done
`;

export const nodeStep: Step = {
  name: 'Node',
  decide(found, { spareNode }) {
    const node = nodeOf(found);
    if (node !== null) return ok(`${node.version}, ${node.path}`);
    return {
      is: 'change',
      would: `install Node ${LEAST.node} or newer${fits(spareNode, found) ? `, or upload this computer's ${spareNode.version}` : ''}`,
      async act(site) {
        const own = await findOwnPackages(site, found, ['node']);
        if (own !== null) {
          await installPackages(site, own);
          const installed = nodeOf(new Map([['nodes', await site.sh('looking for Node', LOOK)]]));
          if (installed === null) return refuse(`${own.join(' ')} was installed and brought no Node`, 'node --version');
          site.node = installed.path;
          return `installed ${own.join(' ')}: ${installed.version}`;
        }
        if (fits(spareNode, found)) return upload(site, spareNode);
        return refuse(
          `the host's packages have no Node ${LEAST.node} or newer, and this computer's Node does not run there`,
          'install it by hand: https://nodejs.org/en/download',
        );
      },
    };
  },
};
