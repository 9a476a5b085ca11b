import {
  type Insn,
  ProgramBuilder,
  REGISTERS,
  type Register,
  r0,
  r1,
  r2,
  r3,
  r4,
  r5,
} from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { InsnAux } from "../environment/insn-aux.ts";
import { specialOf } from "../kfuncs/special.ts";
import { SpecialKfunc as K } from "../kfuncs/special-kfunc.ts";

/**
 * What takes the place of a call of a kernel function (`fixup_kfunc_call`): arguments that the kernel fills in, and for
 * some no call at all.
 *
 * @param call the call as it is made
 * @param record address of what the kernel knows of the struct that the call works on, and a program does not
 */
export function kfuncCall(
  env: Environment,
  original: Insn,
  call: Insn,
  aux: InsnAux,
  record: bigint,
): Insn[] {
  const out = new ProgramBuilder();
  switch (original.off === 0 ? specialOf(env, original) : K.NONE) {
    case K.bpf_obj_new_impl:
    case K.bpf_percpu_obj_new_impl:
      out.mov64(r1, aux.objNewSize);
      out.ldImm64(r2, record).raw(call);
      break;
    case K.bpf_obj_drop_impl:
    case K.bpf_percpu_obj_drop_impl:
    case K.bpf_refcount_acquire_impl:
      out.ldImm64(r2, record).raw(call);
      break;
    case K.bpf_list_push_back_impl:
    case K.bpf_list_push_front_impl:
      insertion(out, { address: record, register: r3, offset: r4 }, aux).raw(call);
      break;
    case K.bpf_rbtree_add_impl:
      insertion(out, { address: record, register: r4, offset: r5 }, aux).raw(call);
      break;
    case K.bpf_cast_to_kern_ctx:
    case K.bpf_rdonly_cast:
      return out.mov64(r0, r1).insns();
    default:
      break;
  }
  if (aux.argProg !== 0) out.ldImm64(REGISTERS[aux.argProg]!, 0n).raw(call);
  const insns = out.insns();
  return insns.length === 0 ? [call] : insns;
}

/** What an insertion is told beside its arguments, and in which registers. */
interface Told {
  readonly address: bigint;
  readonly register: Register;
  readonly offset: Register;
}

/** Where a list or tree finds the node in what is put into it. */
function insertion(out: ProgramBuilder, { address, register, offset }: Told, aux: InsnAux): ProgramBuilder {
  return out.ldImm64(register, address).mov64(offset, aux.insertOffset);
}
