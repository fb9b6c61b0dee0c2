import { expectEnding } from './ending.ts';
import { type Case, haltDeploy, type World } from './world.ts';

const mongoOf = async ({ stack }: World): Promise<string> => {
  const { mongo } = await stack.ids();
  if (mongo === undefined) throw new Error('mongo has no container');
  return mongo;
};

/** Ways to lose a database, and whether the engine brings it back by itself. */
const deaths = {
  /** The server process dies: the restart policy brings it back. */
  crashes: async (world: World) => {
    const pid = await world.server.docker('inspect', '--format', '{{.State.Pid}}', await mongoOf(world));
    await world.server.exec('kill', '-9', pid);
  },
  /** Somebody ends it; that is no failure to the engine, and it stays down. */
  'is killed': async (world: World) => {
    await world.server.docker('kill', await mongoOf(world));
  },
  'is removed': async (world: World) => {
    await world.server.docker('rm', '--force', await mongoOf(world));
  },
} as const satisfies Record<string, (world: World) => Promise<void>>;

interface Moment {
  readonly during: string;
  readonly point: string;
  /** Deploys a version that spoils the database before it fails. */
  readonly bad: boolean;
  readonly codes: readonly number[];
}

const MOMENTS: readonly Moment[] = [
  { during: 'the dump', point: 'effect.backup.create.run#1', bad: false, codes: [30, 0] },
  { during: 'the gates', point: 'effect.containers.start.result#2', bad: false, codes: [20, 0] },
  { during: 'the aside copy', point: 'effect.backup.create.run#2', bad: true, codes: [21, 20] },
  { during: 'the restore, while documents go back', point: 'database.insert.before#1', bad: true, codes: [21, 20] },
  {
    during: 'the restore, while collections are swapped',
    point: 'database.rename.before#1',
    bad: true,
    codes: [21, 20],
  },
];

const lost = (how: keyof typeof deaths, { during, point, bad, codes }: Moment): Case => ({
  name: `MongoDB ${how} during ${during}`,
  async run(world) {
    const { tag, ...halted } = await haltDeploy(world, { point, fault: bad ? 'spoil' : '' });
    await deaths[how](world);
    await halted.resume();
    await expectEnding(world, await halted.command.ended, {
      ...{ tag: bad ? null : tag, codes },
      says: /mongo|database|connection|health/i,
    });
  },
});

export const databaseCases: readonly Case[] = MOMENTS.flatMap((moment) =>
  (['crashes', 'is killed', 'is removed'] as const).map((how) => lost(how, moment)),
);
