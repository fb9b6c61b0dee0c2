import { describe, expect, it } from 'vitest';
import { splitWords } from '../../../../src/remote/gate/words.ts';

describe('the words of a command', () => {
  it.each<[string, readonly string[]]>([
    ['kaleem-deploy status', ['kaleem-deploy', 'status']],
    ['  a   b ', ['a', 'b']],
    ["a 'b c' d", ['a', 'b c', 'd']],
    ["'it'\\''s'", ["it's"]],
    ["\\'", ["'"]],
    ["--image='A=v 1'x", ['--image=A=v 1x']],
    ["''", ['']],
    ["a''b", ['ab']],
    ['\'$(x) `y` "z" \\ ; | & < > * ? ~ # !\'', ['$(x) `y` "z" \\ ; | & < > * ? ~ # !']],
    ['A-Z_./:@%+=,09', ['A-Z_./:@%+=,09']],
    ['', []],
    ['   ', []],
  ])('%j', (command, words) => {
    expect(splitWords(command)).toEqual(words);
  });

  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));
  const plain = /[A-Za-z0-9_./:@%+=, -]/;

  it('have no other characters outside of quotes', () => {
    for (const character of printable.filter((each) => !plain.test(each))) {
      expect(() => splitWords(`a ${character} b`), character).toThrow(/character 3 of the command/);
    }
  });

  it('have nothing but printable ASCII anywhere', () => {
    const others = [
      ...Array.from({ length: 32 }, (_, code) => code),
      0x7f,
      0x80,
      0x9b,
      0xa0,
      0xe9,
      0x2028,
      0xfeff,
      0x1f4a3,
    ];
    for (const character of others.map((code) => String.fromCodePoint(code))) {
      for (const command of [character, `a${character}`, `'${character}'`, `a '${character}b'`, `a\\${character}`]) {
        expect(() => splitWords(command), JSON.stringify(command)).toThrow(/of the command/);
      }
    }
  });

  it('are of a bounded length', () => {
    expect(splitWords('a'.repeat(4_096))).toHaveLength(1);
    expect(() => splitWords('a'.repeat(4_097))).toThrow('4097 characters; 4096 are the most');
  });

  it('are escaped and short in the refusal', () => {
    expect(() => splitWords('a\x1b[2J')).toThrow('"\\u001b", character 2 of the command, is not allowed');
    expect(() => splitWords("a 'b")).toThrow('is a quote that is not closed');
  });

  it('are those that a shell makes of them', async () => {
    const { execFileSync } = await import('node:child_process');
    const commands = ["a 'b c' d", "'it'\\''s' a''b", "\\' -x --y='1 2'z", "'$HOME `id`' /a:b@c%d+e=f,g", "'' a"];
    for (const command of commands) {
      const printed = execFileSync('sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' });
      expect(printed.split('\0').slice(0, -1)).toEqual(splitWords(command));
    }
  });
});
