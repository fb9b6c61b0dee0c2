import { linesOf } from '../../system/lines.ts';
import type { Found } from './look.ts';
import { ok, refuse, type Step } from './step.ts';

/** Places where a project has no business, or of which it would be the owner. */
const NOT_HERE =
  /^\/(?:$|(?:bin|boot|dev|etc|lib\w*|proc|root|run|sbin|sys|tmp|usr)(?:\/|$)|(?:home|media|mnt|opt|srv|var)$|var\/(?:lib|log|run|tmp)$)/;

/** An absolute path in its plain form, with nothing in it that a terminal or a file of ours would take for something else. */
export const isProjectFolder = (path: string): boolean =>
  /^(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+$/u.test(path) && path.length <= 200 && !NOT_HERE.test(path);

interface Place {
  readonly kind: string;
  readonly uid: string;
  readonly mode: number;
}

/** `directory|0|755`, as stat(1) has printed it. */
const placeIn = (found: Found, name: string): Place | null => {
  const [kind, uid, mode] = (found.get(name) ?? '').trim().split('|');
  return kind === undefined || uid === undefined || mode === undefined
    ? null
    : { kind, uid, mode: Number.parseInt(mode, 8) };
};

const assertOurs = (place: Place, path: string): void => {
  if (place.kind !== 'directory') refuse(`${path} is a ${place.kind} on the host, not a folder`, `ls -ld ${path}`);
  // The gate refuses it too.
  if ((place.mode & 0o002) !== 0) refuse(`${path} can be changed by every user of the host`, `chmod o-w ${path}`);
};

/** The owner of the project's folder gets what is made in it, as from the tool itself. Arguments: the folder, what is missing. */
const CREATE = `
set -e
folder=$1
shift
[ -d "$folder" ] || mkdir -p -- "$folder"
for name in "$@"; do
  mkdir -m 700 -- "$folder/$name"
  chown --reference="$folder" -- "$folder/$name"
  sync -- "$folder"
done
`;

export const folderStep: Step = {
  name: 'folders',
  decide(found, { directory }) {
    const folder = placeIn(found, 'folder');
    if (folder !== null) assertOurs(folder, directory);
    const missing = [
      ['state', '.kaleem'],
      ['backups', 'backups'],
    ].flatMap(([fact = '', name = '']) => {
      const place = placeIn(found, fact);
      if (place !== null) assertOurs(place, `${directory}/${name}`);
      return place === null ? [name] : [];
    });
    if (folder !== null && missing.length === 0) return ok(directory);
    const what = folder === null ? directory : missing.map((name) => `${directory}/${name}`).join(' and ');
    return {
      is: 'change',
      would: `create ${what}${folder === null ? ', for the project, its state and its backups' : ''}`,
      async act(site) {
        await site.sh(`creating ${directory}`, CREATE, [directory, ...missing]);
        return `created ${what}`;
      },
    };
  },
};

const filesIn = (found: Found): readonly string[] => linesOf(found.get('files') ?? '');

/** Whether there is something that an agent could look after. */
export const hasProject = (found: Found): boolean => filesIn(found).some((name) => name !== '.env');

/** What a person still has to copy there; null: nothing. */
export const copyFirst = (found: Found, directory: string): string | null =>
  filesIn(found).some((name) => name.includes('compose'))
    ? null
    : `${directory} has no compose file yet: copy it there, with .env, kaleem-deploy.yml and the files that it mounts`;
