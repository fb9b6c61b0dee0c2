import type { CopyStatus, PullResult, PushedTo, PushResult } from '../../deploy/results.ts';
import { formatAgo, formatBytes, formatDuration, plural } from './format.ts';
import type { View } from './view.ts';

const placeLines = ({ place, url, pushed, elapsedMs }: PushedTo): readonly string[] =>
  pushed.length === 0
    ? [`${place} (${url}) had it all`]
    : [
        ...pushed.map(({ id, bytes }) => `copied ${id} to ${place}, ${formatBytes(bytes)}`),
        `${place} (${url}): ${plural(pushed.length, 'copy', 'copies')} made and compared there in ${formatDuration(elapsedMs)}`,
      ];

export const pushLines = ({ places }: PushResult): readonly string[] => places.flatMap(placeLines);

export const pullLines = ({ backup, place, bytes, changed, elapsedMs }: PullResult): readonly string[] => [
  changed
    ? `backup ${backup} is here from ${place}: ${formatBytes(bytes)}, verified, in ${formatDuration(elapsedMs)}`
    : `backup ${backup} was here already`,
];

const pushedText = ({ newest, pushedAt, behind }: CopyStatus, now: Date): string => {
  const when = pushedAt === null ? 'nothing pushed from here yet' : `last push ${formatAgo(pushedAt, now)}`;
  const what = newest === null ? '' : `${newest}, `;
  return `${what}${when}${behind === 0 ? '' : `; ${behind} newer here`}`;
};

/** For `status`: what is known without asking the places. */
export const copyStatusLines = (copies: readonly CopyStatus[], { now, paint }: View): readonly string[] =>
  copies.flatMap((copy) => [
    `copies at ${copy.place}: ${pushedText(copy, now)}`,
    ...(copy.problem === null ? [] : [`${paint('red', `the last push to ${copy.place} failed:`)} ${copy.problem}`]),
  ]);
