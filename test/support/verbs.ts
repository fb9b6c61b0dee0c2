import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { insertInto } from './database.ts';
import { expectExit } from './expectations.ts';
import { openVariants } from './image-variant.ts';
import { type Good, goodNow } from './oracle.ts';
import type { Stack } from './stack.ts';

/** What one run of a verb starts from and may come to. */
export interface Attempt {
  readonly argv: readonly string[];
  readonly old: Good;
  /** Null: whatever happens, all stays as it is. */
  readonly new: Good | null;
  /** When nothing goes wrong. */
  readonly exitCode: number;
}

export const VERBS = ['backup create', 'deploy', 'bad deploy', 'rollback', 'backup restore'] as const;
export type VerbName = (typeof VERBS)[number];

/** A stack on which every verb can be tried again and again, whichever way the last try ended. */
export interface Trial {
  readonly stack: Stack;
  attempt(verb: VerbName): Promise<Attempt>;
  /** Removes the stack too. */
  cleanup(): Promise<void>;
}

const RETRIES = 2;
const TAGS = ['v0.0.1', 'v0.0.2'] as const;

/** Deploys two versions, so that there is one to go back to. */
export const openTrial = async (stack: Stack): Promise<Trial> => {
  const goods = new Map<string, Good>();
  const variants = openVariants();
  const { tag: bad } = await variants.publish({ fault: 'spoil' });
  for (const tag of TAGS) {
    let deployed = await stack.run(tag);
    // On a busy machine even a good version may miss its time.
    for (let more = 0; deployed.code === 20 && more < RETRIES; more += 1) deployed = await stack.run(tag);
    expectExit(deployed, 0);
    goods.set(tag, await goodNow(stack, tag));
  }

  let chosen: { readonly id: string; readonly path: string; readonly database: Good['database'] } | null = null;
  /** Prune takes a backup away in the end. */
  const chooseBackup = async (database: Good['database']) => {
    if (chosen !== null && existsSync(chosen.path)) return chosen;
    const backup = await stack.run('backup', 'create', '--json');
    expectExit(backup, 0);
    chosen = { ...(backup.json as { readonly id: string; readonly path: string }), database };
    return chosen;
  };

  const attempt = async (verb: VerbName): Promise<Attempt> => {
    const tag = /kaleem-api:(\S+)/.exec(await stack.read('.env'))?.[1] ?? '';
    const other = tag === TAGS[0] ? TAGS[1] : TAGS[0];
    const old = await goodNow(stack, tag);
    const otherGood = goods.get(other);
    const next = otherGood === undefined ? null : { ...otherGood, database: old.database };
    switch (verb) {
      case 'backup create':
        return { argv: ['backup', 'create'], old, new: null, exitCode: 0 };
      case 'deploy':
        return { argv: [other], old, new: next, exitCode: 0 };
      case 'bad deploy':
        return { argv: [bad], old, new: null, exitCode: 20 };
      case 'rollback':
        return { argv: ['rollback', other, '--yes'], old, new: next, exitCode: 0 };
      case 'backup restore': {
        const { id, database } = await chooseBackup(old.database);
        // A new document each time: what a restore takes away, and what an undo must not.
        await insertInto(await stack.databaseAddress(), 'products', [{ name: randomUUID() }]);
        const argv = ['backup', 'restore', id, '--yes'];
        return { argv, old: await goodNow(stack, tag), new: { ...old, database }, exitCode: 0 };
      }
    }
  };
  return {
    ...{ stack, attempt },
    async cleanup() {
      await stack.cleanup();
      await variants.cleanup();
    },
  };
};
