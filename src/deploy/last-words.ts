import type { ContainerState } from '../compose/engine.ts';
import type { Context } from './context.ts';

const LINES = 10;
const ANSWER_LINES = 5;

/** What the container's own health check said last, where that was no success; `docker inspect` keeps it. */
const lastHealthCheck = async ({ docker }: LastWordsContext, { id, service }: Subject): Promise<readonly string[]> => {
  const [raw] = await docker.inspect([id]).catch(() => []);
  const log = (raw as { State?: { Health?: { Log?: readonly { ExitCode?: number; Output?: string }[] } } } | undefined)
    ?.State?.Health?.Log;
  const last = log?.at(-1);
  if (last === undefined || last.ExitCode === 0) return [];
  const said = (last.Output ?? '').trim().split('\n').slice(-ANSWER_LINES);
  return [`health check of ${service}: exit code ${last.ExitCode}`, ...said.map((line) => `  ${line}`)];
};

type LastWordsContext = { readonly docker: Pick<Context['docker'], 'inspect' | 'logs'> };
type Subject = Pick<ContainerState, 'id' | 'service'>;

/** Of a container that is to blame, or may be: its failed health check's answer, and its last lines. Never rejects. */
export const lastWords = async (context: LastWordsContext, container: Subject): Promise<readonly string[]> => {
  const { id, service } = container;
  const [check, lines] = await Promise.all([
    lastHealthCheck(context, container),
    context.docker.logs(id, LINES).catch(() => []),
  ]);
  const none = lines.length === 0 ? ' none' : '';
  return [...check, `last lines of ${service}:${none}`, ...lines.map((line) => `  ${line}`)];
};
