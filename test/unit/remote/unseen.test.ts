import { describe, expect, it } from 'vitest';
import { createUnseen } from '../../../src/remote/unseen.ts';

describe('what is told again after a lost connection', () => {
  it('is shown only as far as it is new', () => {
    const unseen = createUnseen();
    expect(unseen.take('plan\npu')).toBe('plan\n');
    expect(unseen.take('ll\nfen')).toBe('pull\n');
    unseen.again();
    expect(unseen.take('following\nplan\npull\nfence\n')).toBe('following\nfence\n');
    unseen.again();
    expect(unseen.take('following\nplan\npull\nfence\nback up\n')).toBe('back up\n');
  });

  it('is shown as often as it was said', () => {
    const unseen = createUnseen();
    expect(unseen.take('retry\nretry\n')).toBe('retry\nretry\n');
    unseen.again();
    expect(unseen.take('retry\nretry\nretry\n')).toBe('retry\n');
  });
});
