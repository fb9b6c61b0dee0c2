import { describe, expect, it } from 'vitest';
import { parseFacts } from '../../../../src/remote/setup/look.ts';

const fact = (name: string, value: string): string => `fact ${name} ${Buffer.from(value).toString('base64')}`;
const END = fact('end', 'yes');

describe('what a host says of itself', () => {
  it('is kept as it is, whatever is in it', () => {
    const hostile = 'a\'b"c`d$(e)\nfact end eWVz\r\0\u001b[2J é';
    expect(parseFacts(`Welcome!\n${fact('gate', hostile)}\n${fact('nodes', '')}\n${END}\nbye`)).toEqual(
      new Map([
        ['gate', hostile],
        ['nodes', ''],
        ['end', 'yes'],
      ]),
    );
  });

  it.each(['', 'This account is not available.', fact('gate', 'x'), `${END} x`, ` ${END}`, 'fact end bm8='])(
    'is nothing when it was cut, or is no answer: %j',
    (text) => expect(parseFacts(text)).toBeNull(),
  );

  it('has nothing from lines of another form', () => {
    const lines = ['fact  x eA==', 'fact x eA== y', 'fact ../x eA==', 'FACT x eA==', 'fact x $(y)', END].join('\n');
    expect([...(parseFacts(lines)?.keys() ?? [])]).toEqual(['end']);
  });
});
