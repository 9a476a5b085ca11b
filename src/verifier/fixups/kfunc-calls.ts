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

/** What the kernel knows and a program does not: addresses of its own records, which a dump shows as they are. */
const HIDDEN_ADDRESS = 0n;

/**
 * What takes the place of a call of a kernel function (`fixup_kfunc_call`): arguments that the kernel fills in, and for
 * some no call at all.
 *
 * @param call the call as it is made
 */
export function kfuncCall(env: Environment, original: Insn, call: Insn, aux: InsnAux): Insn[] {
  const out = new ProgramBuilder();
  switch (original.off === 0 ? specialOf(env, original) : K.NONE) {
    case K.bpf_obj_new_impl:
    case K.bpf_percpu_obj_new_impl:
      out.mov64(r1, aux.objNewSize);
      out.ldImm64(r2, HIDDEN_ADDRESS).raw(call);
      break;
    case K.bpf_obj_drop_impl:
    case K.bpf_percpu_obj_drop_impl:
    case K.bpf_refcount_acquire_impl:
      out.ldImm64(r2, HIDDEN_ADDRESS).raw(call);
      break;
    case K.bpf_list_push_back_impl:
    case K.bpf_list_push_front_impl:
      insertion(out, r3, r4, aux).raw(call);
      break;
    case K.bpf_rbtree_add_impl:
      insertion(out, r4, r5, aux).raw(call);
      break;
    case K.bpf_cast_to_kern_ctx:
    case K.bpf_rdonly_cast:
      return out.mov64(r0, r1).insns();
    default:
      break;
  }
  if (aux.argProg !== 0) out.ldImm64(REGISTERS[aux.argProg]!, HIDDEN_ADDRESS).raw(call);
  const insns = out.insns();
  return insns.length === 0 ? [call] : insns;
}

/** Where a list or tree finds the node in what is put into it. */
function insertion(out: ProgramBuilder, record: Register, offset: Register, aux: InsnAux): ProgramBuilder {
  return out.ldImm64(record, HIDDEN_ADDRESS).mov64(offset, aux.insertOffset);
}
