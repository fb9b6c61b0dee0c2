/** `$$` is a dollar sign, not a variable; a nested one (`${A:-${B}}`) is found because the scan goes on inside the braces. */
const VARIABLE = /\$\$|\$\{?([A-Za-z_][A-Za-z0-9_]*)/g;

/**
 * Names of the variables in a text, each once, in order: `$VAR`, `${VAR}`, `${VAR:-x}`, `${VAR:?x}`, `${VAR:+x}`, nested ones too.
 * Format: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
 */
export const variableNames = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(VARIABLE)].flatMap(([, name]) => (name === undefined ? [] : [name]))),
];

/** Every identifier of a text: what could be a variable's name where it stands without a dollar (`environment: [NAME]`). */
export const identifiers = (text: string): ReadonlySet<string> => new Set(text.match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? []);
