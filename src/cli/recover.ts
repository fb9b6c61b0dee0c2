import type { RecoverResult } from '../deploy/results.ts';
import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

const recoverLines = ({ recovered, accepted }: RecoverResult): readonly string[] => {
  if (recovered.length === 0 && accepted.length === 0) return ['nothing to recover: every operation came to its end'];
  return [
    ...recovered.map(({ operation, kind, subject, outcome, summary }) =>
      [`${operation} (${[kind, subject].filter(Boolean).join(' ')})`, `${outcome}: ${summary}`].join('  '),
    ),
    ...accepted.map((operation) => `${operation}  accepted as it is: requests get through`),
  ];
};

export const defineRecover: DefineVerb = (program, schedule) => {
  const command = program
    .command('recover')
    .description('finish or undo an operation that died or halted (the next operation does it too, for one that died)')
    .option('--accept', 'keep what runs now, as it is: lift the fence and call the operation over')
    .addHelpText(
      'after',
      examples([
        ['recover', 'bring everything to the old version or the new one, whole'],
        ['recover --dry-run', 'what there is to recover'],
        ['recover --accept', 'what runs now is right: let traffic in'],
      ]),
    );
  command.action(({ accept = false }: { readonly accept?: boolean }) =>
    schedule({
      command,
      interruption: 'ends',
      job: (session) =>
        operate(session, {
          request: { kind: 'recover', accept },
          confirm: null,
          run: (app) => app.recover({ accept }),
          lines: recoverLines,
        }),
    }),
  );
};
