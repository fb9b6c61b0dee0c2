/** How a command of this tool ended. */
export interface Ran {
  /** Null: something killed it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** This tool's own commands, each in a process of its own: what one of them does to itself, the agent survives. */
export interface Tool {
  /**
   * Runs one with `--json`. The signal ends it: an operation then goes on by itself, for it has a process of its own. Rejects only
   * with the signal's reason.
   */
  run(argv: readonly string[], options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<Ran>;
}

/** What it said when it failed: the message of its error, else its last line. */
export const complaintOf = ({ exitCode, stdout, stderr }: Ran): string => {
  try {
    const { error } = JSON.parse(stdout) as { readonly error?: { readonly message?: unknown } };
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // No document: its own words, then.
  }
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return last === '' ? `exit ${exitCode ?? 'by a signal'}` : last;
};
