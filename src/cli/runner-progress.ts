import { messageOf } from '../errors.ts';
import type { Hub } from '../operation/runner/hub.ts';
import type { Clock } from '../system/clock.ts';
import type { Progress } from '../system/progress.ts';
import { progressOf, type StepState } from './render/steps.ts';

/** Bytes come by the thousand; displays are redrawn five times a second. */
const BYTES_MS = 100;

/** The progress of an operation, as events for whoever follows. */
export const progressToHub = ({ emit }: Hub, clock: Clock): Progress => {
  const numbers = new Map<StepState, number>();
  const bytesTold = new Map<StepState, number>();
  let count = 0;
  const numberOf = (state: StepState): number => numbers.get(state) ?? 0;
  const forget = (state: StepState): void => {
    numbers.delete(state);
    bytesTold.delete(state);
  };
  return progressOf(
    {
      started(state) {
        count += 1;
        numbers.set(state, count);
        emit({ type: 'started', step: count, title: state.title, at: state.startedAt });
      },
      changed(state, what) {
        const step = numberOf(state);
        if (what === 'detail') return emit({ type: 'detail', step, text: state.detail ?? '' });
        const now = clock.monotonic();
        if (state.bytes === null || now - (bytesTold.get(state) ?? -BYTES_MS) < BYTES_MS) return;
        bytesTold.set(state, now);
        emit({ type: 'bytes', step, bytes: state.bytes });
      },
      finished(state, elapsedMs) {
        const { title, bytes, summary } = state;
        emit({ type: 'finished', step: numberOf(state), title, elapsedMs, bytes, summary });
        forget(state);
      },
      failed(state, elapsedMs, error) {
        emit({ type: 'failed', step: numberOf(state), title: state.title, elapsedMs, message: messageOf(error) });
        forget(state);
      },
      note: (text) => emit({ type: 'note', text }),
      warn: (text) => emit({ type: 'warn', text }),
    },
    clock,
  );
};
