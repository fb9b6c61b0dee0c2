import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Operations {
  readonly ids: readonly string[];
  /** Markers of the processes that carried them out. */
  readonly runners: readonly string[];
  readonly violations: readonly string[];
}

interface Line {
  readonly type: string;
  readonly step: string;
  readonly data: { readonly runner?: string | null } | null;
}

const parsed = (text: string): Line | null => {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
};

/** What every journal of the state directory comes to. One that has no whole line is of an operation that had not begun. */
export const operationsOf = async (state: string): Promise<Operations> => {
  const ids = (await readdir(join(state, 'operations'))).sort();
  const journals = await Promise.all(
    ids.map((id) => readFile(join(state, 'operations', id, 'journal.jsonl'), 'utf8').catch(() => '')),
  );
  const violations: string[] = [];
  const runners: string[] = [];
  for (const [at, text] of journals.entries()) {
    const lines = text.split('\n').slice(0, -1).map(parsed);
    const runner = lines[0]?.data?.runner;
    if (typeof runner === 'string') runners.push(runner);
    const last = lines.at(-1);
    if (lines[0] == null) continue;
    if (last?.type !== 'end') violations.push(`journal: operation ${ids[at]} has no end`);
    else if (last.step === 'halted') violations.push(`journal: operation ${ids[at]} halted`);
  }
  return { ids, runners, violations };
};
