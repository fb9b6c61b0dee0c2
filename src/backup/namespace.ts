/** A collection, a view or a time series. */
export interface Namespace {
  readonly db: string;
  readonly collection: string;
}

/** `database.collection` */
export const namespaceOf = ({ db, collection }: Namespace): string => `${db}.${collection}`;
