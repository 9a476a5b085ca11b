import type { Refusal } from "./rule.ts";

/** Bytes of C's and the kernel's names of numbers. */
const SIZES: readonly (readonly [bytes: number, names: string])[] = [
  [1, "__u8|__s8|u8|s8|uint8_t|int8_t|char|bool|_Bool"],
  [2, "__u16|__s16|__be16|__le16|__sum16|u16|s16|be16|uint16_t|int16_t|short"],
  [4, "__u32|__s32|__be32|__le32|__wsum|u32|s32|be32|uint32_t|int32_t|int|unsigned|pid_t|uid_t|gid_t|float"],
  [8, "__u64|__s64|__be64|__le64|u64|s64|be64|uint64_t|int64_t|long|long long|size_t|double"],
];
const SCALAR = SIZES.map(([, names]) => names).join("|");

/** A variable as a line of the program declares it. */
export interface Declaration {
  /** `"__u32"`, `"unsigned int"`. */
  readonly type: string;
  /** Of the whole variable. */
  readonly bytes: number;
  readonly line: string;
  /** The line declares this variable alone. */
  readonly alone: boolean;
}

/** Where one of the log's lines of source declares a variable as a number, or as an array of numbers; else null. */
export function declarationOf({ log }: Refusal, name: string): Declaration | null {
  const pattern = new RegExp(
    String.raw`(?:^|[;{(]\s*|\b(?:const|static|volatile|register)\s+)((?:(?:un)?signed\s+)?(?:${SCALAR})|unsigned|signed)\s+((?:[\w\s=+-]+,\s*)*)${name}\b(?:\[(\d+)\])?(?!\s*[[(*])`,
  );
  for (const { source } of log.steps) {
    const line = source?.text ?? "";
    const found = pattern.exec(line);
    if (found === null) continue;
    const [, type = "", before = "", count = "1"] = found;
    const alone = before === "" && !/,/.test(line.slice(found.index + found[0].length).replace(/\(.*\)/, ""));
    return { type, bytes: bytesOf(type) * Number(count), line, alone };
  }
  return null;
}

function bytesOf(type: string): number {
  const name = type.replace(/^(?:un)?signed\s+(?=\w)/, "");
  return SIZES.find(([, names]) => names.split("|").includes(name))?.[0] ?? 4;
}

/** The name of an unsigned number of so many bytes; null where there is none. */
export function unsignedOf(bytes: number): string | null {
  return [1, 2, 4, 8].includes(bytes) ? `__u${bytes * 8}` : null;
}
