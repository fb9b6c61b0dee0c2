import type { ImageStatus } from '../deploy/results.ts';
import { look } from './look.ts';
import { formatBytes, shortDigest } from './render/format.ts';
import { table } from './render/table.ts';
import { type DefineVerb, examples } from './verb.ts';

const imageLines = (images: readonly ImageStatus[]): readonly string[] =>
  images.length === 0
    ? ['no release images yet']
    : table(
        [
          { title: 'RELEASE', align: 'right' },
          { title: 'VARIABLE' },
          { title: 'IMAGE' },
          { title: 'DIGEST' },
          { title: 'SIZE', align: 'right' },
          { title: 'HERE' },
        ],
        images.map((image) => [
          image.live ? `live ${image.release}` : String(image.release),
          image.variable,
          image.reference,
          shortDigest(image.digest ?? image.imageId),
          image.sizeBytes === null ? null : formatBytes(image.sizeBytes),
          image.present ? 'yes' : 'no',
        ]),
      );

export const defineImages: DefineVerb = (program, schedule) => {
  const command = program
    .command('images')
    .description('the images of kept releases, and whether they are on this host')
    .addHelpText('after', examples([['images', 'HERE is no: a rollback would have to pull it']]));
  command.action(() => look(schedule, { command, read: (app) => app.images(), lines: imageLines }));
};
