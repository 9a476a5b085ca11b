import { describe, expect, it } from "vitest";
import { BtfKind } from "../../../src/btf/index.ts";
import {
  ParameterMark as Mark,
  readSignature,
  SpecialStruct,
} from "../../../src/verifier/kfuncs/signature.ts";
import { VMLINUX } from "../objects/vmlinux.ts";

function signatureOf(name: string) {
  const id = VMLINUX.findByName(name, BtfKind.FUNC);
  return readSignature(VMLINUX, VMLINUX.ref(id), VMLINUX);
}

describe("what the types of a kernel function say", () => {
  it("stands in part in the names of its parameters", () => {
    const marks = (name: string) => signatureOf(name).params.map((param) => param.marks);
    expect(marks("bpf_dynptr_slice")).toEqual([0, 0, Mark.OPTIONAL, Mark.CONSTANT_SIZE]);
    expect(marks("bpf_copy_from_user_str")).toEqual([0, Mark.SIZE, Mark.IGNORED, 0]);
    expect(marks("bpf_obj_new_impl")).toEqual([Mark.CONSTANT, Mark.IGNORED]);
    expect(marks("bpf_wq_init")).toEqual([0, Mark.MAP, 0]);
    expect(marks("bpf_wq_set_callback_impl")).toEqual([0, 0, 0, Mark.PROGRAM]);
    expect(marks("bpf_refcount_acquire_impl")).toEqual([Mark.REFCOUNTED, Mark.IGNORED]);
    expect(marks("bpf_dynptr_from_skb")).toEqual([0, 0, Mark.UNINITIALIZED]);
    expect(marks("bpf_local_irq_save")).toEqual([Mark.IRQ_FLAG]);
    expect(marks("bpf_crypto_encrypt")).toEqual([0, 0, 0, Mark.NULLABLE]);
    expect(marks("bpf_stream_vprintk_impl")).toEqual([0, Mark.CONSTANT_STRING, 0, Mark.SIZE, Mark.PROGRAM]);
  });

  it("knows structs of the kernel with rules of their own", () => {
    const structs = (name: string) => signatureOf(name).params.map((param) => param.struct);
    expect(structs("bpf_rbtree_add_impl")).toEqual([
      SpecialStruct.RB_ROOT,
      SpecialStruct.RB_NODE,
      SpecialStruct.NONE,
      SpecialStruct.NONE,
      SpecialStruct.NONE,
    ]);
    expect(structs("bpf_list_push_back_impl").slice(0, 2)).toEqual([
      SpecialStruct.LIST_HEAD,
      SpecialStruct.LIST_NODE,
    ]);
    expect(structs("bpf_dynptr_clone")).toEqual([SpecialStruct.DYNPTR, SpecialStruct.DYNPTR]);
    expect(structs("bpf_res_spin_lock")).toEqual([SpecialStruct.RES_SPIN_LOCK]);
    expect(signatureOf("bpf_rbtree_first").result.struct).toBe(SpecialStruct.RB_NODE);
    expect(signatureOf("bpf_task_acquire").result.struct).toBe(SpecialStruct.NONE);
  });

  it("tells numbers, pointers and functions apart", () => {
    const { params, result } = signatureOf("bpf_wq_set_callback_impl");
    expect(params.map(({ pointer, scalar, callback }) => [pointer, scalar, callback])).toEqual([
      [true, false, false],
      [true, false, true],
      [false, true, false],
      [true, false, false],
    ]);
    expect(params.map(({ size }) => size)).toEqual([8, 8, 4, 8]);
    expect(result).toMatchObject({ scalar: true, size: 4 });
    const dropped = signatureOf("bpf_obj_drop_impl").result;
    expect(dropped).toMatchObject({ scalar: false, pointer: false, type: 0 });
  });
});
