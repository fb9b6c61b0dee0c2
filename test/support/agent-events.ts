import { linesOf } from '../../src/system/lines.ts';

/** What the agent says with --json, as far as tests look at it. */
export interface AgentSaid {
  readonly type: string;
  readonly job?: string;
  readonly due?: string;
  readonly missed?: boolean;
  readonly exitCode?: number;
  readonly text?: string;
}

/** One for each line. */
export const agentEvents = (stdout: string): readonly AgentSaid[] =>
  linesOf(stdout).map((line) => JSON.parse(line) as AgentSaid);
