import { expectEnding } from './ending.ts';
import { type Case, haltDeploy, type World } from './world.ts';

const prune = ({ server }: World): Promise<string> => server.docker('system', 'prune', '--all', '--force');

const remove =
  (service: string) =>
  async ({ stack, server }: World): Promise<void> => {
    const id = (await stack.ids())[service];
    if (id !== undefined) await server.docker('rm', '--force', id);
  };

interface Meddling {
  readonly what: string;
  readonly meddle: (world: World) => Promise<unknown>;
  readonly at: string;
  readonly point: string;
  readonly fault: string;
  readonly codes: readonly number[];
}

/** What a new release runs is gone or half gone; or what the undo needs is. */
const MEDDLINGS: readonly Meddling[] = [
  {
    what: 'old images are pruned',
    meddle: prune,
    at: 'after the pull',
    point: 'effect.image.pull.result',
    fault: '',
    codes: [20, 12, 0],
  },
  {
    what: 'old images are pruned',
    meddle: prune,
    at: 'behind the fence',
    point: 'effect.fence.cut.result',
    fault: '',
    codes: [20, 0],
  },
  {
    what: 'old images are pruned',
    meddle: prune,
    at: 'after the backup',
    point: 'effect.backup.create.result',
    fault: '',
    codes: [20, 0],
  },
  {
    what: 'old images are pruned',
    meddle: prune,
    at: 'after the switch',
    point: 'effect.containers.start.result#2',
    fault: 'exit',
    codes: [20],
  },
  {
    what: 'old images are pruned',
    meddle: prune,
    at: 'during the undo',
    point: 'effect.containers.kill.result',
    fault: 'hang',
    codes: [20],
  },
  {
    what: 'the new container is removed',
    meddle: remove('api'),
    at: 'before it starts',
    point: 'effect.containers.create.result',
    fault: '',
    codes: [20],
  },
  {
    what: 'the new container is removed',
    meddle: remove('api'),
    at: 'before the verdict',
    point: 'effect.containers.start.result#2',
    fault: '',
    codes: [20],
  },
  {
    what: 'the new container is removed',
    meddle: remove('api'),
    at: 'during the undo',
    point: 'effect.containers.kill.intent',
    fault: 'hang',
    codes: [20],
  },
  {
    what: "the edge's container is removed",
    meddle: remove('nginx'),
    at: 'behind the fence',
    point: 'effect.fence.cut.result',
    fault: '',
    codes: [20, 0],
  },
  {
    what: "the edge's container is removed",
    meddle: remove('nginx'),
    at: 'during the undo',
    point: 'effect.containers.kill.intent',
    fault: 'hang',
    codes: [20],
  },
  {
    what: "the old version's container is removed",
    meddle: remove('api'),
    at: 'as the undo has made it',
    point: 'effect.containers.create.result#2',
    fault: 'exit',
    codes: [21, 20],
  },
];

const meddled = ({ what, meddle, at, point, fault, codes }: Meddling): Case => ({
  name: `${what} by somebody else ${at}`,
  async run(world) {
    const { tag, ...halted } = await haltDeploy(world, { point, fault });
    await meddle(world);
    await halted.resume();
    const outcome = await halted.command.ended;
    await expectEnding(world, outcome, { tag: fault === '' ? tag : null, codes, says: /image|container|api|nginx/ });
  },
});

export const otherCases: readonly Case[] = MEDDLINGS.map(meddled);
