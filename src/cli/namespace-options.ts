import { Option } from 'commander';
import { type NamespaceFilter, namespaceFilter } from '../backup/namespace-filter.ts';
import { repeated } from './argument-parsers.ts';

/** `--include` and `--exclude`, each as often as they were given. */
export interface NamespaceOptions {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

export const includeOption = (): Option =>
  new Option('--include <namespace>', 'only what matches, such as app.orders or app.* (repeatable)').argParser(
    repeated,
  );
export const excludeOption = (): Option =>
  new Option('--exclude <namespace>', 'all but what matches (repeatable)').argParser(repeated);

export const filterOf = ({ include = [], exclude = [] }: NamespaceOptions): NamespaceFilter | null =>
  namespaceFilter({ include, exclude });
