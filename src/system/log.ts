import { closeSync, openSync, writeSync } from 'node:fs';
import { pino } from 'pino';
import type { Clock } from './clock.ts';
import type { Redactor } from './redact.ts';
import { redactValues } from './redact-values.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogData = Readonly<Record<string, unknown>>;

/** The debug log: what a person needs who asks, a day later, what exactly happened. Redacted; never fails its caller. */
export interface Log {
  debug(message: string, data?: LogData): void;
  info(message: string, data?: LogData): void;
  warn(message: string, data?: LogData): void;
  error(message: string, data?: LogData): void;
  /** From now on into this file (appended to; created 0600), with what was logged before it was known. */
  writeTo(path: string): void;
  close(): void;
}

export interface LogOptions {
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** Called with each entry as well, redacted. */
  readonly mirror?: (level: LogLevel, message: string, data: LogData) => void;
}

/** Lines kept until the file is known. */
const KEPT = 1_000;

/** JSON lines of pino's shape: {"level":20,"time":"2026-01-31T12:00:00.000Z","msg":"..."}, the data's keys between. */
export const createLog = ({ redactor, clock, mirror }: LogOptions): Log => {
  let file: number | null = null;
  let kept: string[] = [];

  const write = (line: string): void => {
    if (file === null) {
      kept.push(line);
      if (kept.length > KEPT) kept.shift();
      return;
    }
    try {
      writeSync(file, line);
    } catch {
      // A full disk stops the operation where it matters, not here.
    }
  };

  const close = (): void => {
    if (file !== null) closeSync(file);
    file = null;
    kept = [];
  };

  const logger = pino(
    { level: 'debug', base: null, timestamp: () => `,"time":"${clock.now().toISOString()}"` },
    { write },
  );
  const entry =
    (level: LogLevel) =>
    (message: string, data: LogData = {}): void => {
      const text = redactor.redact(message);
      const values = redactValues(data, redactor) as LogData;
      logger[level](values, text);
      mirror?.(level, text, values);
    };

  return {
    debug: entry('debug'),
    info: entry('info'),
    warn: entry('warn'),
    error: entry('error'),
    writeTo(path) {
      const before = kept;
      close();
      try {
        file = openSync(path, 'a', 0o600);
      } catch {
        // Goes on being kept in memory: see write().
      }
      for (const line of before) write(line);
    },
    close,
  };
};
