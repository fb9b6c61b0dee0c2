import { isTag } from '../../compose/image-reference.ts';
import { isDestination } from '../../config/locate.ts';
import { isRequestId } from '../../operation/request-id.ts';

/** What a value must be. */
export interface Value {
  /** Completes "must be ...". */
  readonly what: string;
  /** How usage lines call it. */
  readonly name: string;
  fits(text: string): boolean;
}

const matching = (name: string, what: string, pattern: RegExp): Value => ({
  ...{ name, what },
  fits: (text) => pattern.test(text),
});

export const TAG: Value = { name: 'TAG', what: 'an image tag', fits: isTag };

/** `VARIABLE=tag` in its two parts; null where it is none. */
export const imageTagOf = (text: string): { readonly variable: string; readonly tag: string } | null => {
  const { variable = '', tag = '' } =
    /^(?<variable>[A-Za-z_][A-Za-z0-9_]{0,199})=(?<tag>.*)$/s.exec(text)?.groups ?? {};
  return variable !== '' && isTag(tag) ? { variable, tag } : null;
};

export const IMAGE_TAG: Value = {
  ...{ name: 'VARIABLE=TAG', what: 'a variable and an image tag, such as KALEEM_API_IMAGE=v0.0.2' },
  fits: (text) => imageTagOf(text) !== null,
};

/** By id or number: without a slash it is no path to anything (backup/catalogue.ts). */
export const BACKUP = matching(
  'ID',
  'the id of a backup, such as 000012-v0.0.1',
  /^\d{1,12}(?:-[A-Za-z0-9_.-]{1,150})?$/,
);
export const SERVICE = matching('SERVICE', 'the name of a service', /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/);
export const DESTINATION: Value = { name: 'NAME', what: 'the name of a destination', fits: isDestination };

export const REQUEST_ID: Value = {
  ...{ name: 'ID', what: '1 to 64 letters, digits, dots, dashes and underscores' },
  fits: isRequestId,
};

export const wholeNumber = (least: number, most: number): Value => ({
  name: 'NUMBER',
  what: `a whole number from ${least} to ${most}`,
  fits: (text) => /^(?:0|[1-9]\d{0,8})$/.test(text) && Number(text) >= least && Number(text) <= most,
});
