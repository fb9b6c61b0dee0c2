import type { Redactor } from './redact.ts';

/**
 * A copy of plain data in which every string is redacted. Redacting serialized JSON instead would break it where a
 * secret is also a number or a keyword (`1234`, `true`). Errors become {name, message}; what JSON drops is dropped.
 */
export const redactValues = (value: unknown, redactor: Redactor): unknown => {
  if (typeof value === 'string') return redactor.redact(value);
  if (value instanceof Error) return { name: value.name, message: redactor.redact(value.message) };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => redactValues(item, redactor));
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactValues(item, redactor)]));
};
