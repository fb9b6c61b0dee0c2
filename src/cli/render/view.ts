import type { Paint } from './paint.ts';

/** What text is rendered with: the time that "2 min ago" counts from, and colours where they are wanted. */
export interface View {
  readonly now: Date;
  readonly paint: Paint;
}
