import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What cases know of the stack they are tried on. */
export interface Place {
  /** The folder that the case may spoil. */
  readonly directory: string;
  /** Id of a good backup in it. */
  readonly backup: string;
  readonly registry: string;
  /** A port of the loopback that nothing listens on. */
  readonly deadPort: number;
}

type Text = string | ((place: Place) => string);

export interface BadInput {
  readonly what: string;
  /** What was typed; unless told, a deploy that would go well if nothing were wrong. */
  readonly argv?: readonly Text[];
  /** Text of kaleem-deploy.yml. */
  readonly yaml?: string;
  /** The variable in `.env` gets another value, or (null) is removed. */
  readonly variables?: Readonly<Record<string, Text | null>>;
  /** Lines at the end of `.env`. */
  readonly lines?: string;
  /** The compose file, changed. */
  readonly compose?: (text: string) => string;
  /** Anything else that is done before. */
  readonly prepare?: (place: Place) => Promise<unknown>;
  /**
   * It can only be noticed in the folder that the project runs from. What is wrong with the folder itself is noticed in a
   * copy of it too, and copies can be tried side by side.
   */
  readonly here?: boolean;
  /** The tool tries again for a while before it gives up: with --json it is not tried once more. */
  readonly slow?: boolean;
  readonly code: 2 | 3 | 10 | 12 | 31;
  /** Parts of the one message: the value, and where it stands. */
  readonly says: readonly (string | RegExp | ((place: Place) => string))[];
}

export const textOf = (text: Text, place: Place): string => (typeof text === 'string' ? text : text(place));

export const file =
  (name: string, content: string | Buffer, mode = 0o600) =>
  async ({ directory }: Place): Promise<void> => {
    await writeFile(join(directory, name), content);
    await chmod(join(directory, name), mode);
  };

export const folder =
  (name: string) =>
  async ({ directory }: Place): Promise<void> => {
    await rm(join(directory, name), { recursive: true, force: true });
    await mkdir(join(directory, name));
  };

export const without =
  (name: string) =>
  async ({ directory }: Place): Promise<void> => {
    await rm(join(directory, name));
  };
