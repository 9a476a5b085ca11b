import { CallKind, Class, JmpCode, Source } from "../opcode.ts";
import { Operation } from "../row.ts";
import { type AddRow, ARGUMENTS, CALLER_SAVED, R0, SOURCES } from "./define.ts";

const WIDTHS = [
  { width: 64, class: Class.jmp, base: "base64", version: 1 },
  { width: 32, class: Class.jmp32, base: "base32", version: 3 },
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

/** Branches, jumps, calls and exit (RFC 9669 section 4.3), and Linux's may_goto. */
export function jumpRows(add: AddRow): void {
  for (const { width, class: cls, base, version } of WIDTHS) {
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
    version: 3,
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
}
