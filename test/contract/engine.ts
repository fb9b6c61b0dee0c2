import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComposeClient } from '../../src/compose/compose-client.ts';
import type { ContainerState, Docker } from '../../src/compose/engine.ts';

/** A Compose project with the services `web` (restart: always) and `work` (restart: no), neither of which has a container yet. */
export interface EngineWorld {
  readonly project: string;
  readonly docker: Docker;
  readonly compose: ComposeClient;
  /** A rendered compose file in which both services run `image`, and have this value in their environment. */
  file(image: string, value: string): Promise<string>;
  /** Two images that are here, by reference: what runs for as long as it is let. */
  readonly images: readonly [string, string];
  /** A reference that no image has, in a repository of the test's own. */
  readonly free: string;
  remove(): Promise<void>;
}

/** What every engine with its Compose does, Docker's and a test's, as far as a deploy relies on it. */
export const engineContract = (name: string, open: () => Promise<EngineWorld>): void => {
  describe(`${name} as an engine`, () => {
    let world: EngineWorld;
    beforeAll(async () => {
      world = await open();
    }, 120_000);
    afterAll(() => world?.remove());

    const all = () => world.docker.containers(world.project, { all: true });
    const one = async (service: string): Promise<ContainerState> => {
      const found = (await all()).filter((each) => each.service === service);
      expect(found).toHaveLength(1);
      return found[0] as ContainerState;
    };
    const stateOf = async (service: string): Promise<string> => (await one(service)).state;

    it('creates containers and starts nothing', async () => {
      const [image] = world.images;
      const file = await world.file(image, 'one');
      await world.compose.create(file, ['web', 'work'], { recreate: 'always' });
      expect(await one('web')).toMatchObject({ state: 'created', restartPolicy: 'always', oneOff: false, image });
      expect(await one('work')).toMatchObject({ state: 'created', restartPolicy: 'no' });
      expect((await one('web')).imageId).toBe((await world.docker.image(image))?.id);
      expect(await world.docker.containers(world.project)).toEqual([]);
      expect(await world.docker.containers(`${world.project}-of-nobody`, { all: true })).toEqual([]);
    });

    it('keeps a restart policy that was taken off, whatever happens to the container', async () => {
      const { id } = await one('web');
      await world.docker.setRestartPolicy([id], 'no');
      await world.docker.start([id]);
      expect(await one('web')).toMatchObject({ id, state: 'running', restartPolicy: 'no' });
      expect((await world.docker.containers(world.project)).map(({ service }) => service)).toEqual(['web']);
      const { startedAt } = await one('web');
      await world.docker.start([id]);
      expect(await one('web')).toMatchObject({ state: 'running', startedAt });
      await world.docker.setRestartPolicy([id], 'always');
      expect((await one('web')).restartPolicy).toBe('always');
    });

    it('stops and kills what runs, and does not mind what does not', async () => {
      const { id } = await one('web');
      const started = (await one('web')).startedAt;
      await world.docker.stop([id], 2_000);
      expect(await one('web')).toMatchObject({ id, state: 'exited' });
      await world.docker.stop([id], 2_000);
      await world.docker.kill([id]);
      await world.docker.start([id]);
      expect((await one('web')).startedAt).not.toBe(started);
      await world.docker.kill([id]);
      expect(await one('web')).toMatchObject({ state: 'exited', exitCode: 137 });
    });

    it('leaves what need not change, and replaces what must', async () => {
      const [image] = world.images;
      const file = await world.file(image, 'one');
      const [web, work] = [await one('web'), await one('work')];
      await world.compose.create(file, ['web'], { recreate: 'never' });
      expect((await one('web')).id).toBe(web.id);
      await world.compose.create(file, ['web'], { recreate: 'always' });
      const fresh = await one('web');
      expect(fresh.id).not.toBe(web.id);
      expect(fresh).toMatchObject({ state: 'created', restartPolicy: 'always', configHash: web.configHash });
      expect((await one('work')).id).toBe(work.id);
      const other = await world.file(image, 'two');
      await world.compose.create(other, ['web'], { recreate: 'always' });
      expect((await one('web')).configHash).not.toBe(web.configHash);
    });

    it('brings services up, and those alone that are named', async () => {
      const file = await world.file(world.images[0], 'two');
      const { id } = await one('web');
      await world.compose.up(file, ['web'], { recreate: 'never' });
      expect(await one('web')).toMatchObject({ id, state: 'running' });
      expect(await stateOf('work')).toBe('created');
    });

    it('runs another image after it was told so', async () => {
      const file = await world.file(world.images[1], 'two');
      await world.compose.create(file, ['web'], { recreate: 'always' });
      expect((await one('web')).imageId).toBe((await world.docker.image(world.images[1]))?.id);
    });

    it('knows an image by its tags and by its id, and no other', async () => {
      const { docker, images, free } = world;
      const [first, second] = [await docker.image(images[0]), await docker.image(images[1])];
      expect(first?.id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(second?.id).not.toBe(first?.id);
      expect((await docker.image(first?.id ?? ''))?.id).toBe(first?.id);
      expect(await docker.image(free)).toBeNull();
      await docker.tag(images[0], free);
      expect(await docker.image(free)).toMatchObject({ id: first?.id });
      expect((await docker.image(images[0]))?.repoTags).toContain(free);
      await docker.tag(second?.id ?? '', free);
      expect((await docker.image(free))?.id).toBe(second?.id);
      expect((await docker.image(images[0]))?.repoTags).not.toContain(free);
      await docker.untag(free);
      await docker.untag(free);
      expect(await docker.image(free)).toBeNull();
      expect((await docker.image(images[1]))?.id).toBe(second?.id);
      await expect(docker.tag(free, `${free}-2`)).rejects.toThrow();
    });

    it('removes containers, running ones too, and does not mind when they are gone', async () => {
      const [web, work] = [await one('web'), await one('work')];
      await world.docker.start([web.id]);
      await world.docker.remove([web.id]);
      expect((await all()).map(({ service }) => service)).toEqual(['work']);
      await world.docker.remove([web.id]);
      await world.docker.stop([web.id], 1_000);
      await world.docker.kill([web.id]);
      await world.docker.setRestartPolicy([web.id], 'no');
      await world.compose.down(await world.file(world.images[0], 'one'));
      expect(await all()).toEqual([]);
      await world.docker.remove([work.id]);
    });
  });
};
