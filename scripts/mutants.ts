import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import ts from 'typescript';

export const KINDS = ['fsync', 'lock', 'fence'] as const;
export type Kind = (typeof KINDS)[number];

/** The tree with one call left out. */
export interface Mutant {
  readonly kind: Kind;
  /** `src/operation/journal.ts:48 handle.sync()`. */
  readonly name: string;
  /** Relative to the project. */
  readonly file: string;
  readonly original: string;
  /** Of the file, the call replaced. */
  readonly source: string;
}

interface Rule {
  readonly kind: Kind;
  /** Of the callee's text, `#` and `?` left out: `this.handle.sync`, `syncDirectory`. */
  readonly callee: RegExp;
  /** What stands in the call's place. */
  readonly instead: string;
}

const NOTHING = 'Promise.resolve()';

const RULES: readonly Rule[] = [
  { kind: 'fsync', callee: /(^|\.)(sync|datasync|fsync|fdatasync|fsyncSync|fdatasyncSync)$/, instead: NOTHING },
  { kind: 'fsync', callee: /^(syncDirectory|makeDurable)$/, instead: NOTHING },
  { kind: 'lock', callee: /^acquireLock$/, instead: 'Promise.resolve({ describe() {}, async release() {} })' },
  { kind: 'lock', callee: /(^|\.)lock\.(release|describe)$/, instead: NOTHING },
  { kind: 'lock', callee: /^refuseWhileOpen$/, instead: NOTHING },
  { kind: 'fence', callee: /(^|\.)fence\.(raise|cut|isolate|lift)$/, instead: NOTHING },
  { kind: 'fence', callee: /(^|\.)firewall\.(redirect|cut|remove)$/, instead: NOTHING },
  { kind: 'fence', callee: /^(hold|release)Restarts\w*$/, instead: NOTHING },
  { kind: 'fence', callee: /^detachFromOthers$/, instead: 'Promise.resolve([])' },
  { kind: 'fence', callee: /^reattach$/, instead: NOTHING },
];

const sourceFiles = async (directory: string): Promise<readonly string[]> =>
  (await readdir(directory, { recursive: true }))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name))
    .sort();

const ruleFor = (callee: string): Rule | undefined => {
  const plain = callee.replace(/[#?\s]/g, '').replaceAll('this.', '');
  return RULES.find((rule) => rule.callee.test(plain));
};

const mutantsOf = (file: string, original: string): readonly Mutant[] => {
  const parsed = ts.createSourceFile(file, original, ts.ScriptTarget.ES2023, true);
  const mutants: Mutant[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const rule = ruleFor(node.expression.getText(parsed));
      if (rule !== undefined) {
        const [start, end] = [node.getStart(parsed), node.getEnd()];
        const line = parsed.getLineAndCharacterOfPosition(start).line + 1;
        const text = original.slice(start, end).replace(/\s+/g, ' ');
        const shown = text.length > 70 ? `${text.slice(0, 67)}...` : text;
        const source = `${original.slice(0, start)}${rule.instead}${original.slice(end)}`;
        mutants.push({ kind: rule.kind, name: `${file}:${line} ${shown}`, file, original, source });
      }
    }
    // `writeFile(..., { flush: true })` is an fsync too.
    if (ts.isPropertyAssignment(node) && node.name.getText(parsed) === 'flush') {
      const line = parsed.getLineAndCharacterOfPosition(node.getStart(parsed)).line + 1;
      const source = `${original.slice(0, node.getStart(parsed))}flush: false${original.slice(node.getEnd())}`;
      mutants.push({ kind: 'fsync', name: `${file}:${line} flush: true`, file, original, source });
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return mutants;
};

/** Every way to leave out one fsync, one call of the lock or one of the fence, found by what the code says. */
export const findMutants = async (src: string): Promise<readonly Mutant[]> => {
  const mutants: Mutant[] = [];
  for (const path of await sourceFiles(src)) {
    mutants.push(...mutantsOf(`src/${relative(src, path)}`, await readFile(path, 'utf8')));
  }
  return mutants;
};
