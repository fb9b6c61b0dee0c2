import { diskSpace } from '../../system/disk.ts';
import type { Session } from '../operate.ts';
import type { Look } from './look.ts';

/** A disk that was called full is so until it is this much emptier: not each time a log is turned over. */
const RELIEF_PERCENT = 3;

/** The file systems of backups, state and the engine's own data. `wasBad`: one of them was too full. */
export const lookAtDisks = async (session: Session, wasBad: boolean): Promise<Look> => {
  const { config } = session.options;
  const engine = await session.context().then(
    (context) => context.engine,
    () => null,
  );
  const paths = [config.backup.directory, config.stateDirectory, ...(engine?.local ? [engine.rootDirectory] : [])];
  const spaces = await Promise.all(paths.map(async (path) => ({ path, ...(await diskSpace(path)) })));
  const fullest = spaces.reduce((a, b) => (b.fullPercent > a.fullPercent ? b : a));
  const detail = `${fullest.fullPercent} % full at ${fullest.path}, ${Math.floor(fullest.freeBytes / 1e6)} MB are free`;
  const most = config.agent.diskFullPercent - (wasBad ? RELIEF_PERCENT : 0);
  if (fullest.fullPercent <= most) return { status: 'ok', detail };
  return { status: 'bad', detail, hint: 'df -h; kaleem-deploy prune --dry-run' };
};
