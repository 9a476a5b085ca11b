import type { HelperName } from "../prototype.ts";

/** What a helper is for, in our own words. */
export interface HelperMeaning {
  /** One to four sentences. */
  readonly text: string;
  /** Flags and other constants that it takes, by their name in the UAPI, and what each asks for. */
  readonly flags: { readonly [name: string]: string };
}

export type HelperMeanings = { readonly [helper in HelperName]?: HelperMeaning };

export function meaning(text: string, flags: HelperMeaning["flags"] = {}): HelperMeaning {
  return { text, flags };
}
