/** `enum bpf_core_relo_kind` of `<linux/bpf.h>`: what a CO-RE relocation asks about a type of the target. */
export const CoreReloKind = {
  FIELD_BYTE_OFFSET: 0,
  FIELD_BYTE_SIZE: 1,
  FIELD_EXISTS: 2,
  FIELD_SIGNED: 3,
  FIELD_LSHIFT_U64: 4,
  FIELD_RSHIFT_U64: 5,
  TYPE_ID_LOCAL: 6,
  TYPE_ID_TARGET: 7,
  TYPE_EXISTS: 8,
  TYPE_SIZE: 9,
  ENUMVAL_EXISTS: 10,
  ENUMVAL_VALUE: 11,
  TYPE_MATCHES: 12,
} as const;

/** Names by number, as libbpf's log prints them. */
export const CORE_RELO_NAMES: readonly string[] = [
  "byte_off",
  "byte_sz",
  "field_exists",
  "signed",
  "lshift_u64",
  "rshift_u64",
  "local_type_id",
  "target_type_id",
  "type_exists",
  "type_size",
  "enumval_exists",
  "enumval_value",
  "type_matches",
];

/** What the access string of a relocation walks. */
export type CoreSubject = "field" | "type" | "enumerator";

/** `undefined` for a number that is no kind we know. */
export function coreSubjectOf(kind: number): CoreSubject | undefined {
  if (kind >= 0 && kind <= CoreReloKind.FIELD_RSHIFT_U64) return "field";
  if (kind === CoreReloKind.ENUMVAL_EXISTS || kind === CoreReloKind.ENUMVAL_VALUE) return "enumerator";
  return kind >= CoreReloKind.TYPE_ID_LOCAL && kind <= CoreReloKind.TYPE_MATCHES ? "type" : undefined;
}
