/** What a look at one thing found. */
export type Look =
  | { readonly status: 'ok' | 'skipped'; readonly detail: string }
  | { readonly status: 'bad'; readonly detail: string; readonly hint: string | null };
