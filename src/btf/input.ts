import type { BtfType } from "./types.ts";

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/**
 * A type to add: what `Btf.type` returns, without its id. The name may be left out where it is empty; so may the
 * fields of an INT that say nothing special (`bits`, `bitOffset`, `signed`, `char`, `bool`) and a tag's `attribute`.
 */
export type BtfTypeInput =
  | (Without<
      Exclude<BtfType, { kind: "VOID" } | { kind: "INT" } | { kind: "TYPE_TAG" } | { kind: "DECL_TAG" }>,
      "id" | "name"
    > & { readonly name?: string })
  | OptionalFields<"INT", "bits" | "bitOffset" | "signed" | "char" | "bool">
  | OptionalFields<"TYPE_TAG", "attribute">
  | OptionalFields<"DECL_TAG", "attribute">;

type OptionalFields<K extends BtfType["kind"], F extends string> = Omit<
  Extract<BtfType, { kind: K }>,
  "id" | F
> &
  Partial<Pick<Extract<BtfType, { kind: K }>, F & keyof Extract<BtfType, { kind: K }>>>;
