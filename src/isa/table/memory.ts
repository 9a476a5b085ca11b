import { Class, Mode, SIZE_BYTES, Size, WideKind } from "../opcode.ts";
import { type ConformanceGroup, type Guard, Operation } from "../row.ts";
import { type AddRow, bitsOf, CALLER_SAVED, PACKET_CONTEXT, SIZES } from "./define.ts";

/** Loads, stores, packet access and 64-bit immediates (RFC 9669 section 5), and the guarded forms of Linux. */
export function memoryRows(add: AddRow): void {
  for (const [prefix, mem, guard] of [
    ["", Mode.mem, "none"],
    ["probe_", Mode.probeMem, "probe"],
    ["arena_", Mode.probeMem32, "arena"],
  ] as const) {
    for (const size of SIZES) {
      const group: ConformanceGroup = guard !== "none" ? "internal" : size === "dw" ? "base64" : "base32";
      const access = {
        width: bitsOf(size),
        size: SIZE_BYTES[size],
        guard: guard as Guard,
        dst: "register",
        off: "memory",
        group,
        version: guard === "none" ? 1 : 0,
      } as const;
      add({
        ...access,
        name: `${prefix}ldx_${size}`,
        opcode: Class.ldx | mem | Size[size],
        kind: "load",
        operation: Operation.load,
        source: "reg",
        dstAccess: "write",
        src: "register",
        srcAccess: "read",
      });
      // BPF_PROBE_MEM guards loads only.
      if (guard === "probe") continue;
      add({
        ...access,
        name: `${prefix}stx_${size}`,
        opcode: Class.stx | mem | Size[size],
        kind: "store",
        operation: Operation.store,
        source: "reg",
        dstAccess: "read",
        src: "register",
        srcAccess: "read",
      });
      add({
        ...access,
        name: `${prefix}st_${size}`,
        opcode: Class.st | mem | Size[size],
        kind: "store",
        operation: Operation.store,
        source: "imm",
        dstAccess: "read",
        imm: "value",
      });
    }
  }
  for (const [prefix, mode, guard] of [
    ["", Mode.memsx, "none"],
    ["probe_", Mode.probeMemsx, "probe"],
    ["arena_", Mode.probeMem32sx, "arena"],
  ] as const) {
    for (const size of ["b", "h", "w"] as const) {
      add({
        name: `${prefix}ldsx_${size}`,
        opcode: Class.ldx | mode | Size[size],
        kind: "load",
        operation: Operation.load,
        group: guard !== "none" ? "internal" : "base32",
        width: bitsOf(size),
        size: SIZE_BYTES[size],
        extend: bitsOf(size) as 8 | 16 | 32,
        source: "reg",
        guard,
        dst: "register",
        dstAccess: "write",
        src: "register",
        srcAccess: "read",
        off: "memory",
        version: guard === "none" ? 4 : 0,
      });
    }
  }

  for (const size of ["b", "h", "w"] as const) {
    for (const [name, mode, operation] of [
      ["ld_abs", Mode.abs, Operation.loadAbs],
      ["ld_ind", Mode.ind, Operation.loadInd],
    ] as const) {
      const indirect = mode === Mode.ind;
      add({
        name: `${name}_${size}`,
        opcode: Class.ld | mode | Size[size],
        kind: "packet",
        operation,
        group: "packet",
        width: bitsOf(size),
        size: SIZE_BYTES[size],
        source: indirect ? "reg" : "none",
        src: indirect ? "register" : 0,
        srcAccess: indirect ? "read" : "none",
        imm: "value",
        implicitReads: PACKET_CONTEXT,
        implicitWrites: CALLER_SAVED,
      });
    }
  }
  for (const [name, src] of [
    ["imm", WideKind.imm],
    ["map_fd", WideKind.mapFd],
    ["map_value", WideKind.mapValue],
    ["btf_id", WideKind.btfId],
    ["func", WideKind.func],
    ["map_idx", WideKind.mapIdx],
    ["map_idx_value", WideKind.mapIdxValue],
  ] as const) {
    add({
      name: `ld_imm64_${name}`,
      opcode: Class.ld | Mode.imm | Size.dw,
      kind: "wide",
      operation: Operation.loadImm64,
      group: "base64",
      width: 64,
      source: "imm",
      dst: "register",
      dstAccess: "write",
      src,
      imm: src === WideKind.func ? "target" : "value",
      slots: 2,
    });
  }
  add({
    name: "nospec",
    opcode: Class.st | Mode.nospec,
    kind: "nospec",
    operation: Operation.nospec,
    group: "internal",
    version: 0,
  });
}
