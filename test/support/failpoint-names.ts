import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SRC = join(ROOT, 'src');
/** Where names are put together, not given. */
const OWN = 'src/system/failpoints/';

export interface SourceScan {
  /** Every name that the sources can give to a failpoint, sorted. */
  readonly names: readonly string[];
  /** Places whose name is not known from the text alone: `file:line`. */
  readonly unknown: readonly string[];
  /** `file:line` of each call that changes a file without a failpoint around it. */
  readonly bareFileCalls: readonly string[];
  /** The same for commands that change something in a database server; and those that have one. */
  readonly bareCommands: readonly string[];
  readonly commands: readonly string[];
  /** Methods of an interface, by its name. */
  methodsOf(interfaceName: string): readonly string[];
}

/** What of node:fs changes a file system. `open` does by its flags. */
const CHANGING = new Set(
  'appendFile chmod chown copyFile cp link mkdir mkdtemp rename rm rmdir symlink truncate unlink writeFile'.split(' '),
);
const CHANGING_FLAGS = /[wa+]/;
/** Of a FileHandle. */
const CHANGING_HANDLE = new Set('appendFile chmod chown datasync sync truncate write writeFile'.split(' '));
const CHANGING_COMMANDS = new Set(
  'collMod create createIndexes createUser delete drop dropDatabase insert killOp renameCollection replSetInitiate setParameter update'.split(
    ' ',
  ),
);

const isCall = (node: ts.Node, name: string): node is ts.CallExpression =>
  ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === name;

const methodName = (node: ts.CallExpression): string | null =>
  ts.isPropertyAccessExpression(node.expression) ? node.expression.name.text : null;

/** Reads all of src/, with types: a name may come from a constant or be one of a union. Takes some seconds. */
export const scanSources = (): SourceScan => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(SRC, name));
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: ['src'] }, ts.sys, ROOT);
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();

  const names = new Set<string>();
  const unknown: string[] = [];
  const bareFileCalls: string[] = [];
  const bareCommands: string[] = [];
  const commands: string[] = [];
  const steps: string[] = [];

  const placeOf = (node: ts.Node): string => {
    const file = node.getSourceFile();
    return `${relative(ROOT, file.fileName)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
  };

  const ofType = (type: ts.Type): readonly string[] | null => {
    if (type.isStringLiteral()) return [type.value];
    if (!type.isUnion()) return null;
    const all = type.types.map(ofType);
    return all.includes(null) ? null : all.flatMap((each) => each ?? []);
  };
  /** The texts that an expression may have; null: not known from the source. */
  const textsOf = (node: ts.Expression): readonly string[] | null => {
    if (ts.isStringLiteralLike(node)) return [node.text];
    if (!ts.isTemplateExpression(node)) return ofType(checker.getTypeAtLocation(node));
    return node.templateSpans.reduce<readonly string[] | null>(
      (before, { expression, literal }) => {
        const middle = textsOf(expression);
        if (before === null || middle === null) return null;
        return before.flatMap((start) => middle.map((each) => `${start}${each}${literal.text}`));
      },
      [node.head.text],
    );
  };
  const elementsOf = (node: ts.Expression): readonly string[] | null => {
    const element = checker.getIndexTypeOfType(checker.getTypeAtLocation(node), ts.IndexKind.Number);
    return element === undefined ? null : ofType(element);
  };
  const add = (node: ts.Node, texts: readonly string[] | null, endings: readonly string[]): void => {
    if (texts === null) unknown.push(placeOf(node));
    for (const text of texts ?? []) for (const ending of endings) names.add(`${text}${ending}`);
  };

  /** `around(...)` outside of it, or a `failpoint(...)` in the function it stands in. */
  const isGuarded = (node: ts.Node): boolean => {
    let body: ts.Node = node;
    for (let at = node.parent; at !== undefined && !ts.isSourceFile(at); at = at.parent) {
      if (isCall(at, 'around')) return true;
      body = at;
      if (ts.isFunctionLike(at) && has(at, (each) => isCall(each, 'failpoint'))) return true;
    }
    return isCall(body, 'around');
  };
  const has = (node: ts.Node, is: (each: ts.Node) => boolean): boolean =>
    is(node) || (ts.forEachChild(node, (each) => has(each, is) || undefined) ?? false);

  const isFromFs = (node: ts.Identifier): boolean => {
    const symbol = checker.getSymbolAtLocation(node);
    const [declaration] = symbol?.declarations ?? [];
    if (declaration === undefined || !ts.isImportSpecifier(declaration)) return false;
    const { moduleSpecifier } = declaration.parent.parent.parent;
    return ts.isStringLiteral(moduleSpecifier) && moduleSpecifier.text.startsWith('node:fs');
  };
  const changesFile = (node: ts.CallExpression): boolean => {
    const { expression: called, arguments: args } = node;
    if (ts.isIdentifier(called) && isFromFs(called)) {
      const name = called.text.replace(/Sync$/, '');
      if (name === 'open')
        return args.slice(1, 2).some((flags) => textsOf(flags)?.some((each) => CHANGING_FLAGS.test(each)));
      return CHANGING.has(name) || name === 'write';
    }
    if (!ts.isPropertyAccessExpression(called) || !CHANGING_HANDLE.has(called.name.text)) return false;
    return checker.getTypeAtLocation(called.expression).symbol?.name === 'FileHandle';
  };
  const changesDatabase = (node: ts.CallExpression): boolean => {
    if (!['run', 'command'].includes(methodName(node) ?? '')) return false;
    return node.arguments.some((argument) => {
      const [first] = ts.isObjectLiteralExpression(argument) ? argument.properties : [];
      if (first === undefined) return false;
      const inner = ts.isSpreadAssignment(first) ? first.expression : null;
      const property = inner !== null && ts.isObjectLiteralExpression(inner) ? inner.properties[0] : first;
      return property?.name !== undefined && CHANGING_COMMANDS.has(property.name.getText());
    });
  };

  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [first, , third] = node.arguments;
      if (first !== undefined && isCall(node, 'failpoint')) {
        const isEffect = ts.isTemplateExpression(first) && first.head.text === 'effect.';
        if (isEffect) steps.push(first.templateSpans[0]?.literal.text ?? '');
        else add(node, textsOf(first), ['']);
      }
      if (first !== undefined && isCall(node, 'around')) add(node, textsOf(first), ['.before', '.after']);
      if (first !== undefined && third !== undefined && isCall(node, 'withFailpoints')) {
        const [prefix] = textsOf(first) ?? [];
        const methods = elementsOf(third)?.map((method) => `${prefix}.${method}`) ?? null;
        add(node, methods, ['.before', '.after']);
      }
      if (changesFile(node) && !isGuarded(node)) bareFileCalls.push(placeOf(node));
      if (changesDatabase(node)) (isGuarded(node) ? commands : bareCommands).push(placeOf(node));
    }
    ts.forEachChild(node, visit);
  };
  const effects: ts.CallExpression[] = [];
  const collectEffects = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && methodName(node) === 'effect') effects.push(node);
    ts.forEachChild(node, collectEffects);
  };

  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(`${SRC}/`));
  for (const file of own) {
    collectEffects(file);
    if (!relative(ROOT, file.fileName).startsWith(OWN)) visit(file);
  }
  for (const node of effects) {
    const [step] = node.arguments;
    if (step !== undefined) add(node, textsOf(step)?.map((each) => `effect.${each}`) ?? null, steps);
  }

  return {
    ...{ names: [...names].sort(), unknown, bareFileCalls, bareCommands, commands },
    methodsOf(name) {
      for (const file of own) {
        for (const statement of file.statements) {
          if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== name) continue;
          return statement.members.flatMap((member) => (member.name === undefined ? [] : [member.name.getText()]));
        }
      }
      throw new Error(`there is no interface ${name} in src`);
    },
  };
};
