import { type Btf, BtfKind } from "../../btf/index.ts";
import { BpfAttachType, BpfProgType as P, progTypeNames } from "../../uapi/index.ts";
import type { VerifierLog } from "../log/verifier-log.ts";
import { isModifier, isPointer, isStruct, skipModifiers, typeName } from "./walk.ts";

/** The two types of a program's context: what the program declares, and what the kernel has. */
export interface ContextTypes {
  /** `struct __sk_buff` */
  readonly program: number;
  /** `struct sk_buff` */
  readonly kernel: number;
}

/**
 * The context types of a program type, as ids in the kernel's BTF, which lists them in `struct bpf_ctx_convert`
 * (`find_canonical_prog_ctx_type`). Null where that does not name the type.
 */
export function contextTypes(kernel: Btf, programType: number): ContextTypes | null {
  const list = kernel.findByName("bpf_ctx_convert", BtfKind.STRUCT);
  if (list === 0) return null;
  const name = `BPF_PROG_TYPE_${(progTypeNames[programType] ?? "").toUpperCase()}`;
  for (let i = 0; i + 1 < kernel.vlen(list); i += 2) {
    if (kernel.memberName(list, i) === `${name}_prog`) {
      return { program: kernel.memberType(list, i), kernel: kernel.memberType(list, i + 1) };
    }
  }
  return null;
}

/** Whether a structure's name is what programs call the other one (`btf_is_projection_of`). */
export function isProjectionOf(programName: string, kernelName: string): boolean {
  return (
    (programName === "__sk_buff" && kernelName === "sk_buff") ||
    (programName === "xdp_md" && kernelName === "xdp_buff")
  );
}

interface Question {
  readonly log: VerifierLog;
  readonly kernel: Btf | null;
  /** Types of the program. */
  readonly btf: Btf;
  /** Number of the argument, from 0, for messages. */
  readonly argument: number;
  readonly programType: number;
}

/** Typedef that programs of type kprobe use for their context, whatever it stands for on the machine. */
const USER_PT_REGS = "bpf_user_pt_regs_t";

/** Whether a pointer type is that of the program type's context, going by its name (`btf_is_prog_ctx_type`). */
export function isProgCtxType(pointer: number, { log, kernel, btf, programType }: Question): boolean {
  let type = btf.ref(pointer);
  if (programType === P.KPROBE && reachesTypedef(btf, type, USER_PT_REGS)) return true;
  type = skipModifiers(btf, type);
  if (!isStruct(btf, type)) return false;
  const name = typeName(btf, type);
  const canonical = kernel === null ? null : contextTypes(kernel, programType);
  if (kernel === null || canonical === null) {
    log.write("btf_vmlinux is malformed\n");
    return false;
  }
  for (let context = canonical.program; ; context = kernel.ref(context)) {
    const contextName = typeName(kernel, context);
    // Types of programs whose context has no name: only a tag makes an argument one.
    if (contextName === "") return false;
    if (contextName === name || isProjectionOf(contextName, name)) return true;
    // A typedef may hide the name that programs use.
    if (isStruct(kernel, context) || !isModifier(kernel, context)) return false;
  }
}

/** Whether the first typedef behind other modifiers has this name. */
function reachesTypedef(btf: Btf, id: number, name: string): boolean {
  let type = id;
  while (isModifier(btf, type) && btf.kind(type) !== BtfKind.TYPEDEF) type = btf.ref(type);
  return btf.kind(type) === BtfKind.TYPEDEF && btf.name(type) === name;
}

/** An argument tagged as context has a type that can be one (`btf_validate_prog_ctx_type`); else the log says why not. */
export function validatesProgCtxType(
  pointer: number,
  question: Question & { readonly attachType: number },
): boolean {
  const { log, kernel, btf, argument, programType, attachType } = question;
  if (!isPointer(btf, pointer)) {
    log.write(`arg#${argument} type isn't a pointer\n`);
    return false;
  }
  let type = btf.ref(pointer);
  const hasRegs = programType === P.KPROBE || programType === P.PERF_EVENT;
  if (hasRegs && reachesTypedef(btf, type, USER_PT_REGS)) return true;
  type = skipModifiers(btf, type);
  if (type === 0) return true;
  const name = typeName(btf, type);
  if (name === "") {
    log.write(`arg#${argument} type doesn't have a name\n`);
    return false;
  }
  if (isSpecialContext(btf, type, { name, programType, attachType })) return true;
  const canonical = kernel === null ? null : contextTypes(kernel, programType);
  if (kernel === null || canonical === null) {
    log.write("btf_vmlinux is malformed\n");
    return false;
  }
  const context = skipModifiers(kernel, canonical.program);
  if (kernel.kind(context) !== BtfKind.STRUCT) {
    log.write(`arg#${argument} should be void pointer\n`);
    return false;
  }
  const contextName = typeName(kernel, context);
  if (btf.kind(type) !== BtfKind.STRUCT || contextName !== name) {
    log.write(`arg#${argument} should be \`struct ${contextName} *\`\n`);
    return false;
  }
  return true;
}

/** Types that some kinds of programs take besides the canonical one. */
function isSpecialContext(
  btf: Btf,
  type: number,
  which: { readonly name: string; readonly programType: number; readonly attachType: number },
): boolean {
  const { name, programType, attachType } = which;
  const struct = btf.kind(type) === BtfKind.STRUCT;
  const words = btf.kind(type) === BtfKind.INT && btf.size(type) === 8;
  switch (programType) {
    case P.KPROBE:
    case P.PERF_EVENT:
      return struct && name === "pt_regs";
    case P.RAW_TRACEPOINT:
    case P.RAW_TRACEPOINT_WRITABLE:
    case P.LSM:
    case P.STRUCT_OPS:
      return words;
    case P.TRACING:
      switch (attachType) {
        case BpfAttachType.TRACE_RAW_TP:
          return words || (struct && name === "bpf_raw_tracepoint_args");
        case BpfAttachType.TRACE_ITER:
          return struct && name.startsWith("bpf_iter__");
        case BpfAttachType.TRACE_FENTRY:
        case BpfAttachType.TRACE_FEXIT:
        case BpfAttachType.MODIFY_RETURN:
          return words;
        default:
          return false;
      }
    case P.TRACEPOINT:
    case P.SYSCALL:
    case P.EXT:
      return true;
    default:
      return false;
  }
}
