import { AtomicCode, Class, Mode, SIZE_BYTES, Size } from "../opcode.ts";
import { type ConformanceGroup, Operation } from "../row.ts";
import { type AddRow, bitsOf, R0, SIZES } from "./define.ts";

/** Atomic operations (RFC 9669 section 5.3), ordered accesses, and both on an arena. */
export function atomicRows(add: AddRow): void {
  for (const [prefix, mode, guard] of [
    ["", Mode.atomic, "none"],
    ["arena_", Mode.probeAtomic, "arena"],
  ] as const) {
    const internal = guard === "arena";
    for (const size of SIZES) {
      const common = {
        opcode: Class.stx | mode | Size[size],
        width: bitsOf(size),
        size: SIZE_BYTES[size],
        source: "reg",
        guard,
        dst: "register",
        src: "register",
        off: "memory",
      } as const;
      if (size === "w" || size === "dw") {
        const group: ConformanceGroup = internal ? "internal" : size === "w" ? "atomic32" : "atomic64";
        const atomic = { ...common, kind: "atomic", dstAccess: "read", group } as const;
        for (const name of ["add", "or", "and", "xor"] as const) {
          const operation = {
            add: Operation.atomicAdd,
            or: Operation.atomicOr,
            and: Operation.atomicAnd,
            xor: Operation.atomicXor,
          }[name];
          add({
            ...atomic,
            name: `${prefix}atomic_${name}_${size}`,
            operation,
            srcAccess: "read",
            imm: AtomicCode[name],
            version: internal ? 0 : 3,
          });
          add({
            ...atomic,
            name: `${prefix}atomic_fetch_${name}_${size}`,
            operation,
            fetch: true,
            srcAccess: "both",
            imm: AtomicCode[name] | AtomicCode.fetch,
            version: internal ? 0 : 3,
          });
        }
        add({
          ...atomic,
          name: `${prefix}xchg_${size}`,
          operation: Operation.xchg,
          fetch: true,
          srcAccess: "both",
          imm: AtomicCode.xchg,
          version: internal ? 0 : 3,
        });
        add({
          ...atomic,
          name: `${prefix}cmpxchg_${size}`,
          operation: Operation.cmpxchg,
          fetch: true,
          srcAccess: "read",
          implicitReads: R0,
          implicitWrites: R0,
          imm: AtomicCode.cmpxchg,
          version: internal ? 0 : 3,
        });
      }
      const group: ConformanceGroup = internal ? "internal" : "linux";
      add({
        ...common,
        name: `${prefix}load_acquire_${size}`,
        kind: "loadAcquire",
        operation: Operation.loadAcquire,
        group,
        dstAccess: "write",
        srcAccess: "read",
        imm: AtomicCode.loadAcquire,
        version: internal ? 0 : 4,
      });
      add({
        ...common,
        name: `${prefix}store_release_${size}`,
        kind: "storeRelease",
        operation: Operation.storeRelease,
        group,
        dstAccess: "read",
        srcAccess: "read",
        imm: AtomicCode.storeRelease,
        version: internal ? 0 : 4,
      });
    }
  }
}
