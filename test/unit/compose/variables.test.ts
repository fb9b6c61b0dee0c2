import { expect, test } from 'vitest';
import { identifiers, variableNames } from '../../../src/compose/variables.ts';

test.each([
  ['image: $REPO/app:$TAG', ['REPO', 'TAG']],
  ['${A} ${B:-x} ${C-x} ${D:?must} ${E?must} ${F:+x} ${G+x}', ['A', 'B', 'C', 'D', 'E', 'F', 'G']],
  ['${A:-${B:-${C}}}', ['A', 'B', 'C']],
  ['${A:-$B}', ['A', 'B']],
  ['$$HOME $${X} $$$Y', ['Y']],
  ['$$$$Z', []],
  ['${A} ${A}', ['A']],
  ['cost: 5$ and $1 and ${}', []],
  ['$_x9-$Yy.z', ['_x9', 'Yy']],
  ['', []],
])('%s names %j', (text, names) => {
  expect(variableNames(text)).toEqual(names);
});

test('identifiers are what could be a variable without a dollar', () => {
  expect([...identifiers('environment: [TOKEN, "A_1=x"] # 9lives')]).toEqual([
    'environment',
    'TOKEN',
    'A_1',
    'x',
    'lives',
  ]);
});
