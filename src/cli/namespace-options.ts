import { type NamespaceFilter, namespaceFilter } from '../backup/namespace-filter.ts';

/** `--include` and `--exclude`, each as often as they were given. */
export interface NamespaceOptions {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

export const filterOf = ({ include = [], exclude = [] }: NamespaceOptions): NamespaceFilter | null =>
  namespaceFilter({ include, exclude });
