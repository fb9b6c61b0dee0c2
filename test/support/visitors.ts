import { servedVersion } from './asking.ts';
import type { Stack } from './stack.ts';

const BETWEEN_MS = 100;

export interface Visits {
  /** Everything that was answered (`v0.0.2`, `HTTP 503`, `no answer`), in the order of its first time, since the last look. */
  look(): readonly string[];
  stop(): Promise<void>;
}

/** Visitors of both published ports, one request after the other, for as long as nobody stops them. */
export const sendVisitors = (stack: Stack): Visits => {
  let seen = new Set<string>();
  let over = false;
  const visit = async (port: number): Promise<void> => {
    while (!over) {
      const answer = await servedVersion(port);
      seen.add(answer);
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    }
  };
  const visiting = Promise.all([visit(stack.httpPort), visit(stack.apiPort)]);
  return {
    look() {
      const found = [...seen];
      seen = new Set();
      return found;
    },
    async stop() {
      over = true;
      await visiting;
    },
  };
};

/** Of what visitors were answered, what a version of the application said. */
export const versionsIn = (answers: readonly string[]): readonly string[] =>
  answers.filter((answer) => !/^(?:HTTP \d+|no answer)$/.test(answer));
