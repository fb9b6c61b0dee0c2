import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

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
    operate(schedule, { command, interruption: 'ends', request: { kind: 'recover', accept }, confirm: null }),
  );
};
