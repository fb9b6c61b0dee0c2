// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of env files are meant.
import { describe, expect, it } from 'vitest';
import { parseEnvFile, setVariables } from '../../../src/config/env-file.ts';
import { NASTY_VALUES, ODD_ENV_FILES, REFUSED_ENV_FILES } from './odd-env-files.ts';

// test/integration/config compares the same files with docker compose itself; here are the rules that people rely on.

const read = (text: string, outside: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(
    [...parseEnvFile(text, '.env', (name) => outside[name])].map(([name, { value }]) => [name, value]),
  );

describe('parseEnvFile', () => {
  it.each([
    ['comments, blank lines and export', '# c\n\nexport A=1\n  B=2 # c\n', { A: '1', B: '2' }],
    ['a hash without a space before it as part of the value', 'A=x#y\n', { A: 'x#y' }],
    ['Windows line ends and a byte order mark', '\uFEFFA=1\r\nB="2"\r\n', { A: '1', B: '2' }],
    ['quoted values that span lines', 'A="one\ntwo"\nB=3\n', { A: 'one\ntwo', B: '3' }],
    ['single quotes literally', "A='$B \\n'\n", { A: '$B \\n' }],
    ['escapes in double quotes only', 'A="\\t\\$x"\nB=\\t\n', { A: '\t$x', B: '\\t' }],
    ['the last of several assignments', 'A=1\nA=2\n', { A: '2' }],
    ['variables that stand before, with defaults', 'A=1\nB=$A-${C:-x}-${A:+y}\n', { A: '1', B: '1-x-y' }],
    ['two dollars as one', 'A=$$B\n', { A: '$B' }],
    ['a missing variable as nothing', 'A=[$B]\n', { A: '[]' }],
    ['a bare name only where the environment has it', 'KEPT\nGONE\n', { KEPT: 'outside' }],
  ])('reads %s', (_, text, expected) => {
    expect(read(text, { KEPT: 'outside' })).toEqual(expected);
  });

  it('lets the environment win in what values refer to', () => {
    expect(read('A=file\nB=$A\n', { A: 'outside' })).toEqual({ A: 'file', B: 'outside' });
  });

  it('says in which line the assignment that counts stands', () => {
    expect(parseEnvFile('A=1\n\n# c\nB="x\ny"\nA=2\n', '.env').get('A')).toEqual({ value: '2', line: 6 });
  });

  it.each(REFUSED_ENV_FILES)('names file and line when it refuses %j', (text) => {
    expect(() => parseEnvFile(text, 'prod.env')).toThrow(/^prod\.env:\d+: /);
  });

  it('does not put a value into its message', () => {
    expect(() => parseEnvFile('A=1\nTOKEN="hunter22\nB=2', '.env')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter22') }),
    );
  });
});

describe('setVariables', () => {
  it.each([
    ['keeps comments and order', '# top\nA=1 # why\nB=2\n', '# top\nA=new # why\nB=2\n'],
    ['keeps double quotes', 'A="1" # why\n', 'A="new" # why\n'],
    ['keeps single quotes', "export A='1'\n", "export A='new'\n"],
    ['keeps Windows line ends', 'A=1\r\nB=2\r\n', 'A=new\r\nB=2\r\n'],
    ['keeps the spelling around the value', 'A: 1\n', 'A: new\n'],
    ['keeps a missing newline at the end', 'B=1\nA=1', 'B=1\nA=new'],
    ['changes the assignment that counts', 'A=1\nB=2\nA=3\nC=4\n', 'A=1\nB=2\nA=new\nC=4\n'],
    ['fills an empty value', 'A=\nB=2\n', 'A=new\nB=2\n'],
    ['keeps the comment of an empty value', 'A= # set by a deploy\n', 'A= new # set by a deploy\n'],
    ['replaces a value of several lines', 'A="1\n2"\nB=3\n', 'A="new"\nB=3\n'],
    ['leaves a commented assignment alone', '# A=1\n', '# A=1\nA=new\n'],
    ['appends with a newline before', 'B=1', 'B=1\nA=new\n'],
    ['appends with the line ends that are there', 'B=1\r\n', 'B=1\r\nA=new\r\n'],
    ['begins an empty file', '', 'A=new\n'],
    ['does not take a longer name for it', 'AA=1\nB_A=2\n', 'AA=1\nB_A=2\nA=new\n'],
    ['gives a bare name its own line', 'A\nB=1\n', 'A\nB=1\nA=new\n'],
  ])('%s', (_, before, after) => {
    expect(setVariables(before, { A: 'new' })).toBe(after);
  });

  it('sets several at once', () => {
    expect(setVariables('A=1\nB=2\n', { B: 'b', C: 'c' })).toBe('A=1\nB=b\nC=c\n');
  });

  it('writes what it reads, whatever the value and the file, leaves the rest, and changes nothing the second time', () => {
    for (const before of ODD_ENV_FILES) {
      for (const value of NASTY_VALUES) {
        const after = setVariables(before, { A: value, NEW: value });
        // Others may refer to A: compare them with A fixed from outside.
        const others = ({ A: _, NEW: __, ...rest }: Record<string, string>) => rest;
        expect(read(after)).toMatchObject({ A: value, NEW: value });
        expect(others(read(after, { A: 'x' }))).toEqual(others(read(before, { A: 'x' })));
        expect(setVariables(after, { A: value, NEW: value })).toBe(after);
      }
    }
  });

  it('holds for random values', () => {
    const alphabet = [
      'a',
      ' ',
      '#',
      '$',
      '{',
      '}',
      '"',
      "'",
      '\\',
      '\n',
      '\r',
      '\t',
      'n',
      '0',
      '=',
      ':',
      '-',
      '`',
      'é',
      '😀',
    ];
    let seed = 20_240_229;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    let text = '# start\nA=1 # c\nB=\'x\'\nC="y"\n';
    for (let round = 0; round < 3000; round += 1) {
      const value = Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]).join('');
      const name = 'ABCD'[random(4)] ?? 'A';
      const before = read(text);
      text = setVariables(text, { [name]: value });
      expect(read(text)).toEqual({ ...before, [name]: value });
    }
    expect(text.startsWith('# start\n')).toBe(true);
  });

  it('refuses a file it would not understand', () => {
    expect(() => setVariables('A="open\n', { A: 'x' })).toThrow(/never closed/);
  });

  it('refuses a value no environment can hold', () => {
    expect(() => setVariables('', { A: 'a\0b' })).toThrow(/NUL/);
  });
});
