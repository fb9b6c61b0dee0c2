import type { RecoverResult } from '../../deploy/results.ts';

export const recoverLines = ({ recovered, accepted }: RecoverResult): readonly string[] => {
  if (recovered.length === 0 && accepted.length === 0) return ['nothing to recover: every operation came to its end'];
  return [
    ...recovered.map(({ operation, kind, subject, outcome, summary }) =>
      [`${operation} (${[kind, subject].filter(Boolean).join(' ')})`, `${outcome}: ${summary}`].join('  '),
    ),
    ...accepted.map((operation) => `${operation}  accepted as it is: requests get through`),
  ];
};
