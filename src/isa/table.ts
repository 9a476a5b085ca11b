import type { SizeName } from "./opcode.ts";
import {
  AluCode,
  AtomicCode,
  CallKind,
  Class,
  classOf,
  JmpCode,
  Mode,
  SIZE_BYTES,
  Size,
  Source,
  WideKind,
} from "./opcode.ts";
import { type ConformanceGroup, type Guard, type InsnRow, Operation } from "./row.ts";

/** The widths and classes that ALU operations and comparisons come in. */
const ALU_WIDTHS = [
  { width: 64, class: Class.alu64, base: "base64", divmul: "divmul64", version: 1 },
  { width: 32, class: Class.alu, base: "base32", divmul: "divmul32", version: 3 },
] as const;
const JMP_WIDTHS = [
  { width: 64, class: Class.jmp, base: "base64", version: 1 },
  { width: 32, class: Class.jmp32, base: "base32", version: 3 },
] as const;
const SOURCES = [
  { letter: "k", bit: Source.k, source: "imm", src: 0, imm: "value", srcAccess: "none" },
  { letter: "x", bit: Source.x, source: "reg", src: "register", imm: 0, srcAccess: "read" },
] as const;

const BINARY = ["add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "mod", "xor", "mov", "arsh"] as const;
const SIGNED_DIVISION = [
  ["sdiv", AluCode.div],
  ["smod", AluCode.mod],
] as const;
const CONDITIONS = [
  "jeq",
  "jgt",
  "jge",
  "jset",
  "jne",
  "jsgt",
  "jsge",
  "jlt",
  "jle",
  "jslt",
  "jsle",
] as const;
const SINCE_V2: readonly string[] = ["jlt", "jle", "jslt", "jsle"];
const MULTIPLICATIVE: readonly string[] = ["mul", "div", "mod"];

const R0 = 1 << 0;
const CALLER_SAVED = 0b11_1111;
const ARGUMENTS = 0b11_1110;
const PACKET_CONTEXT = 1 << 6;

type Partial = { [key in keyof InsnRow]?: InsnRow[key] } & Pick<
  InsnRow,
  "name" | "opcode" | "kind" | "operation" | "group"
>;

function build(): readonly InsnRow[] {
  const rows: InsnRow[] = [];

  // One literal with every field in one order: all rows share a hidden class, so `lookup(insn).kind` stays monomorphic.
  const add = (row: Partial): void => {
    rows.push({
      id: rows.length,
      name: row.name,
      opcode: row.opcode,
      class: classOf(row.opcode),
      kind: row.kind,
      operation: row.operation,
      width: row.width ?? 0,
      size: row.size ?? 0,
      extend: row.extend ?? 0,
      source: row.source ?? "none",
      fetch: row.fetch ?? false,
      guard: row.guard ?? "none",
      dstAccess: row.dstAccess ?? "none",
      srcAccess: row.srcAccess ?? "none",
      implicitReads: row.implicitReads ?? 0,
      implicitWrites: row.implicitWrites ?? 0,
      dst: row.dst ?? 0,
      src: row.src ?? 0,
      off: row.off ?? 0,
      imm: row.imm ?? 0,
      slots: row.slots ?? 1,
      group: row.group,
      version: row.version ?? 1,
    });
  };

  for (const { width, class: cls, base, divmul, version } of ALU_WIDTHS) {
    for (const name of BINARY) {
      for (const { letter, bit, source, src, imm, srcAccess } of SOURCES) {
        add({
          name: `${name}${width}_${letter}`,
          opcode: cls | bit | AluCode[name],
          kind: "alu",
          operation: Operation[name],
          group: MULTIPLICATIVE.includes(name) ? divmul : base,
          width,
          source,
          dst: "register",
          dstAccess: name === "mov" ? "write" : "both",
          src,
          srcAccess,
          imm,
          version,
        });
      }
    }
    for (const [name, code] of SIGNED_DIVISION) {
      for (const { letter, bit, source, src, imm, srcAccess } of SOURCES) {
        add({
          name: `${name}${width}_${letter}`,
          opcode: cls | bit | code,
          kind: "alu",
          operation: Operation[name],
          group: divmul,
          width,
          source,
          dst: "register",
          dstAccess: "both",
          src,
          srcAccess,
          off: 1,
          imm,
          version: 4,
        });
      }
    }
    for (const extend of [8, 16, 32] as const) {
      if (extend >= width) continue;
      add({
        name: `movsx${width}_s${extend}`,
        opcode: cls | Source.x | AluCode.mov,
        kind: "alu",
        operation: Operation.movsx,
        group: base,
        width,
        extend,
        source: "reg",
        dst: "register",
        dstAccess: "write",
        src: "register",
        srcAccess: "read",
        off: extend,
        version: 4,
      });
    }
    add({
      name: `neg${width}`,
      opcode: cls | AluCode.neg,
      kind: "neg",
      operation: Operation.neg,
      group: base,
      width,
      dst: "register",
      dstAccess: "both",
      version,
    });
  }

  for (const [name, operation, opcode] of [
    ["le", Operation.toLe, Class.alu | Source.k | AluCode.end],
    ["be", Operation.toBe, Class.alu | Source.x | AluCode.end],
    ["bswap", Operation.bswap, Class.alu64 | Source.k | AluCode.end],
  ] as const) {
    for (const width of [16, 32, 64] as const) {
      add({
        name: `${name}${width}`,
        opcode,
        kind: "end",
        operation,
        group: name === "bswap" || width === 64 ? "base64" : "base32",
        width,
        dst: "register",
        dstAccess: "both",
        imm: width,
        version: name === "bswap" ? 4 : 1,
      });
    }
  }

  // The kernel tells these from a mov by `off`: BPF_ADDR_SPACE_CAST and, after its verifier, BPF_ADDR_PERCPU.
  add({
    name: "addr_space_cast",
    opcode: Class.alu64 | Source.x | AluCode.mov,
    kind: "cast",
    operation: Operation.addrSpaceCast,
    group: "linux",
    width: 64,
    source: "reg",
    dst: "register",
    dstAccess: "write",
    src: "register",
    srcAccess: "read",
    off: 1,
    imm: "value",
  });
  add({
    name: "percpu_address",
    opcode: Class.alu64 | Source.x | AluCode.mov,
    kind: "cast",
    operation: Operation.percpuAddress,
    group: "internal",
    width: 64,
    source: "reg",
    dst: "register",
    dstAccess: "write",
    src: "register",
    srcAccess: "read",
    off: -1,
    version: 0,
  });

  for (const { width, class: cls, base, version } of JMP_WIDTHS) {
    for (const name of CONDITIONS) {
      for (const { letter, bit, source, src, imm, srcAccess } of SOURCES) {
        add({
          name: `${name}${width}_${letter}`,
          opcode: cls | bit | JmpCode[name],
          kind: "branch",
          operation: Operation[name],
          group: base,
          width,
          source,
          dst: "register",
          dstAccess: "read",
          src,
          srcAccess,
          off: "target",
          imm,
          version: version === 1 && SINCE_V2.includes(name) ? 2 : version,
        });
      }
    }
  }
  add({
    name: "ja",
    opcode: Class.jmp | JmpCode.ja,
    kind: "goto",
    operation: Operation.ja,
    group: "base32",
    width: 16,
    off: "target",
  });
  add({
    name: "gotol",
    opcode: Class.jmp32 | JmpCode.ja,
    kind: "goto",
    operation: Operation.ja,
    group: "base32",
    width: 32,
    imm: "target",
    version: 4,
  });
  add({
    name: "may_goto",
    opcode: Class.jmp | JmpCode.jcond,
    kind: "mayGoto",
    operation: Operation.mayGoto,
    group: "linux",
    width: 16,
    off: "target",
  });

  const call = { kind: "call", implicitReads: ARGUMENTS, implicitWrites: CALLER_SAVED } as const;
  add({
    ...call,
    name: "call_helper",
    opcode: Class.jmp | JmpCode.call,
    operation: Operation.callHelper,
    group: "base32",
    src: CallKind.helper,
    imm: "id",
  });
  add({
    ...call,
    name: "call_local",
    opcode: Class.jmp | JmpCode.call,
    operation: Operation.callLocal,
    group: "base32",
    src: CallKind.local,
    imm: "target",
  });
  add({
    ...call,
    name: "call_kfunc",
    opcode: Class.jmp | JmpCode.call,
    operation: Operation.callKfunc,
    group: "base32",
    src: CallKind.kfunc,
    // The index of the module's BTF in the load's fd_array; 0 for vmlinux.
    off: "value",
    imm: "id",
  });
  add({
    ...call,
    name: "callx",
    opcode: Class.jmp | Source.x | JmpCode.call,
    operation: Operation.callReg,
    group: "callx",
    source: "reg",
    dst: "register",
    dstAccess: "read",
  });
  // Before LLVM 19 the register of a callx stood in the immediate.
  add({
    ...call,
    name: "callx_imm",
    opcode: Class.jmp | Source.x | JmpCode.call,
    operation: Operation.callReg,
    group: "callx",
    source: "imm",
    imm: "register",
  });
  add({
    name: "exit",
    opcode: Class.jmp | JmpCode.exit,
    kind: "exit",
    operation: Operation.exit,
    group: "base32",
    implicitReads: R0,
  });

  const sizes = ["b", "h", "w", "dw"] as const;
  const bits = (size: SizeName) => (SIZE_BYTES[size] * 8) as 8 | 16 | 32 | 64;

  for (const [prefix, mem, guard] of [
    ["", Mode.mem, "none"],
    ["probe_", Mode.probeMem, "probe"],
    ["arena_", Mode.probeMem32, "arena"],
  ] as const) {
    for (const size of sizes) {
      const group: ConformanceGroup = guard !== "none" ? "internal" : size === "dw" ? "base64" : "base32";
      const access = {
        width: bits(size),
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
        group: guard !== "none" ? "internal" : size === "w" ? "base64" : "base32",
        width: bits(size),
        size: SIZE_BYTES[size],
        extend: bits(size) as 8 | 16 | 32,
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
        width: bits(size),
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

  for (const [prefix, mode, guard] of [
    ["", Mode.atomic, "none"],
    ["arena_", Mode.probeAtomic, "arena"],
  ] as const) {
    const internal = guard === "arena";
    for (const size of sizes) {
      const common = {
        opcode: Class.stx | mode | Size[size],
        width: bits(size),
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
          // The one atomic of the first BPF was xadd, without fetch.
          const version = internal ? 0 : name === "add" ? 1 : 3;
          add({
            ...atomic,
            name: `${prefix}atomic_${name}_${size}`,
            operation,
            srcAccess: "read",
            imm: AtomicCode[name],
            version,
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
  return rows;
}

/** The instruction table: every instruction of RFC 9669 and of Linux 6.18, in a fixed order. */
export const ROWS: readonly InsnRow[] = build();
