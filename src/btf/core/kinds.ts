import { BpfCoreReloKind as CoreReloKind } from "../../uapi/index.ts";

/** What a CO-RE relocation asks about a type of the target. */
export { CoreReloKind };

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
