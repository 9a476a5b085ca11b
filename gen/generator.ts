/** One source of generated files. `npm run gen` writes what it gives; `npm run gen -- --check` compares. */
export interface Generator {
  /** What the command line calls it: `npm run gen -- uapi`. */
  readonly name: string;
  /** One line for the list of generators. */
  readonly purpose: string;
  /**
   * True where the same inputs give the same bytes, so that a difference is drift. Recordings (a capture of real
   * traffic) are not: they are written only when asked for by name, and never checked.
   */
  readonly repeatable: boolean;
  generate(): Generated | Promise<Generated>;
}

/** Files by path from the project's root, or why nothing can be generated here. */
export type Generated =
  | { readonly files: ReadonlyMap<string, string | Uint8Array>; readonly note?: string }
  | { readonly skipped: string };
