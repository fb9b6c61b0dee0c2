import type { Outcome } from '../../support/command.ts';
import { expectExit } from '../../support/expectations.ts';
import { runUntil } from '../../support/halting.ts';
import { expectEnding } from './ending.ts';
import { type Case, expectNewGood, haltDeploy, startByHand, type World } from './world.ts';

/** Without a word, as the kernel does it when memory runs out. systemd starts it again after 2 s. */
const killEngine = async ({ server }: World): Promise<void> => {
  await server.exec('systemctl', 'reset-failed', 'docker');
  await server.exec('systemctl', 'kill', '--signal=SIGKILL', 'docker');
};

/** The first failure is the one that is told: what the engine took with it may be seen before the engine is missed. */
const causeIn = ({ code }: Outcome): RegExp =>
  code === 20 ? /docker|engine|daemon|api|mongo/i : /docker|engine|daemon/i;

/** Steps of a deploy and of its undo during which the engine dies: the calls to it that are under way then. */
const MOMENTS: readonly { readonly during: string; readonly point: string; readonly fault: string }[] = [
  { during: 'the stop of the writers', point: 'docker.stop.before#1', fault: '' },
  { during: 'the switch, while containers are made', point: 'compose.create.before#1', fault: '' },
  { during: 'the switch, while they start', point: 'docker.start.before#1', fault: '' },
  { during: 'the gates', point: 'effect.containers.start.result#2', fault: '' },
  { during: 'the commit', point: 'effect.commit.run#1', fault: '' },
  { during: 'the undo, while the failed version ends', point: 'docker.kill.before#1', fault: 'hang' },
  { during: 'the undo, while containers are made', point: 'compose.create.before#2', fault: 'exit' },
  { during: 'the undo, while they start', point: 'docker.start.before#3', fault: 'exit' },
];

const dies = ({ during, point, fault }: (typeof MOMENTS)[number]): Case => ({
  name: `the Docker engine dies during ${during}`,
  async run(world) {
    const { tag, ...halted } = await haltDeploy(world, { point, fault });
    await killEngine(world);
    await halted.resume();
    const outcome = await halted.command.ended;
    await expectEnding(world, outcome, { tag: fault === '' ? tag : null, codes: [21, 20, 0], says: causeIn(outcome) });
  },
});

const ROLLBACK_MOMENTS: readonly { readonly during: string; readonly point: string }[] = [
  { during: 'containers are made', point: 'compose.create.before#1' },
  { during: 'they start', point: 'docker.start.before#1' },
];

const diesInRollback = ({ during, point }: (typeof ROLLBACK_MOMENTS)[number]): Case => ({
  name: `the Docker engine dies during a rollback, while ${during}`,
  async run(world) {
    const { stack, variants, visits, good } = world;
    const { tag } = await variants.publish();
    const deployed = await stack.run(tag);
    expectExit(deployed, 0);
    await expectNewGood(world, tag, deployed);
    visits.look();
    const halted = await runUntil(stack, point, ['rollback', '--yes']);
    await killEngine(world);
    await halted.resume();
    const outcome = await halted.command.ended;
    await expectEnding(world, outcome, { tag: good.tag, codes: [21, 20, 0], says: causeIn(outcome) });
  },
});

export const engineCases: readonly Case[] = [
  {
    name: 'the Docker engine dies during the pull',
    async run(world) {
      const { tag } = await world.variants.publish({ layerBytes: 24 * 1024 * 1024 });
      const { registry } = world.server;
      world.visits.look();
      registry.heal();
      registry.intercept(async (kind, count) => {
        if (kind === 'blob' && count === 2) await killEngine(world);
        return null;
      });
      const outcome = await world.stack.run(tag);
      registry.heal();
      if (outcome.code === 12) await startByHand(world);
      await expectEnding(world, outcome, { tag, codes: [12, 20, 0], says: /docker|engine|daemon|mongo|registry/i });
    },
  },
  ...MOMENTS.map(dies),
  ...ROLLBACK_MOMENTS.map(diesInRollback),
];
