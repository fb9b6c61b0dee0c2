import { COMPOSE_LABELS, OPERATION_LABEL } from '../../compose/labels.ts';
import { DeployError } from '../../errors.ts';
import { type CommandResult, lastLine } from '../../system/command.ts';
import type { Context } from '../context.ts';
import type { SnapshotPart, SnapshotRecord } from './record.ts';

/** A folder of the database's, as a helper sees it. */
export interface Root {
  /** The folder itself. */
  readonly path: string;
  /** What is ours in it. */
  readonly own: string;
  /** What is ours in it and of this operation. */
  readonly snapshot: string;
}

/** A container of the database's own image that has its folders mounted, and in which programs are run one at a time. */
export interface Helper {
  readonly roots: readonly Root[];
  /** @throws DeployError 'docker-failed' with the program's last line */
  must(what: string, argv: readonly string[]): Promise<string>;
  try(argv: readonly string[]): Promise<CommandResult>;
  /** Ends whatever runs in it. */
  close(): Promise<void>;
}

/** What lies in a folder of the database's and is ours. */
export const OWN_FOLDER = '.kaleem-deploy';
/** A copy takes as long as the disk does. */
const LONG_MS = 24 * 60 * 60_000;

const rootOf = ({ below }: Pick<SnapshotPart, 'below'>, index: number, operation: string): Root => {
  const path = below === '' ? `/kaleem/${index}` : `/kaleem/${index}/${below}`;
  return { path, own: `${path}/${OWN_FOLDER}`, snapshot: `${path}/${OWN_FOLDER}/${operation}` };
};

/**
 * Starts a helper for a snapshot's folders. It counts as a one-off container of the operation that runs now, so that a recovery
 * of that operation removes it.
 */
export const openHelper = async (
  context: Context,
  operation: string,
  { imageId, parts, operation: of }: Pick<SnapshotRecord, 'imageId' | 'parts' | 'operation'>,
): Promise<Helper> => {
  const { docker, project, signal } = context;
  const id = await docker.runHelper(
    {
      image: imageId,
      labels: {
        ...{ [COMPOSE_LABELS.project]: project.name, [COMPOSE_LABELS.service]: 'kaleem-deploy' },
        ...{ [COMPOSE_LABELS.oneOff]: 'True', [OPERATION_LABEL]: operation },
      },
      mounts: parts.map(({ type, source }, index) => ({ type, source, target: `/kaleem/${index}` })),
    },
    { signal },
  );
  const attempt = (argv: readonly string[]) => docker.exec(id, argv, { timeoutMs: LONG_MS, signal });
  return {
    roots: parts.map((part, index) => rootOf(part, index, of)),
    try: attempt,
    async must(what, argv) {
      const result = await attempt(argv);
      if (result.exitCode === 0) return result.stdout;
      throw new DeployError('docker-failed', `${what}: ${lastLine(result)}`, {
        details: result.stderr.trim().split('\n').slice(-5),
      });
    },
    close: () => docker.remove([id]),
  };
};
