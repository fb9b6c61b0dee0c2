import { around } from '../system/failpoints/around.ts';
import type { Database } from './connection.ts';

interface InProgress {
  readonly opid?: number | string;
}

/**
 * Ends what a dead operation still runs in the server: an index build, an insert. They carry its id as `comment`. Resolves
 * to how many were told to end; 0 where the server does not show or end operations.
 */
export const endServerOperations = async (database: Database, operation: string): Promise<number> => {
  try {
    const reply = await database.run('admin', {
      aggregate: 1,
      pipeline: [{ $currentOp: { allUsers: true } }, { $match: { 'command.comment': operation } }],
      cursor: {},
    });
    const running = reply.cursor.firstBatch as InProgress[];
    for (const { opid } of running) {
      if (opid !== undefined)
        await around('database.kill-operation', () => database.run('admin', { killOp: 1, op: opid }));
    }
    return running.length;
  } catch (error) {
    if ((error as { codeName?: string }).codeName === undefined) throw error;
    return 0;
  }
};
