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

interface Complaint {
  readonly error?: { readonly message: string };
  /** Of `watch`. */
  readonly findings?: readonly { readonly what: string; readonly status: string; readonly detail: string }[];
}

/** What it printed as JSON; null where that is none. */
export const documentOf = <T>({ stdout }: Ran): T | null => {
  try {
    return JSON.parse(stdout) as T;
  } catch {
    return null;
  }
};

/** What it said when it failed: the message of its error, or what it found; else its last line. */
export const complaintOf = (ran: Ran): string => {
  const { exitCode, stderr } = ran;
  const { error, findings = [] } = documentOf<Complaint>(ran) ?? {};
  if (error !== undefined) return error.message;
  const bad = findings.filter(({ status }) => status === 'bad');
  if (bad.length > 0) return bad.map(({ what, detail }) => `${what}: ${detail}`).join('; ');
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return last === '' ? `exit ${exitCode ?? 'by a signal'}` : last;
};
