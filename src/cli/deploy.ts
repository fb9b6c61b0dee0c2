import { assertTag } from '../compose/image-reference.ts';
import { type ImageTags, imageTag, repeated } from './argument-parsers.ts';
import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

interface Options {
  readonly image?: ImageTags;
  readonly upgrade?: readonly string[];
  readonly restartAll?: boolean;
}

export const defineDeploy: DefineVerb = (program, schedule) => {
  const command = program
    .command('deploy', { isDefault: true })
    .argument('<tag>', 'the tag to deploy, such as v0.0.2')
    .description('deploy a tag; `kaleem-deploy <tag>` is the same')
    .option('--image <VAR=tag>', 'another tag for one image variable (repeatable)', imageTag)
    .option('--upgrade <service>', 'pull and replace a service that no release sets (repeatable)', repeated)
    .option('--restart-all', 'restart unchanged services too, in order')
    .addHelpText(
      'after',
      examples([
        ['v0.0.2', 'deploy v0.0.2'],
        ['v0.0.2 --dry-run', 'what it would do, and how long it would be down'],
        ['v0.0.2 --image KALEEM_FRONTEND_IMAGE=v0.0.5', 'with another tag for one image'],
        ['v0.0.2 --upgrade nginx', 'and the newest nginx of its tag'],
      ]),
    );
  command.action((tag: string, { image: images = {}, upgrade = [], restartAll = false }: Options) => {
    for (const each of [tag, ...Object.values(images)]) assertTag(each);
    const request = { tag, images, upgrade, restartAll };
    operate(schedule, { command, interruption: 'rolls-back', request: { kind: 'deploy', request }, confirm: null });
  });
};
