import { Errno } from "../uapi/index.ts";
import { constantKfunc, emittedKfunc, hostKfunc } from "./define.ts";
import { DynptrField, dynptrAt } from "./dynptr.ts";
import type { Kfunc, ValueKind } from "./helper.ts";

const NO_KEYS = "There are no keys.";
const NO_CACHES = "There is no slab allocator.";
const NO_BUFFERS = "No buffers are shared among devices.";
const NO_CIPHERS = "There are no ciphers.";

/** A walk over what there is nothing of. */
function emptyWalk(name: string, here: string): readonly Kfunc[] {
  const one = { args: ["ptr"] as const, here };
  return [
    constantKfunc(`bpf_iter_${name}_new`, { ...one, result: "u32", always: 0 }),
    constantKfunc(`bpf_iter_${name}_next`, { ...one, result: "ptr", always: 0 }),
    constantKfunc(`bpf_iter_${name}_destroy`, { ...one, result: "void", always: 0 }),
  ];
}

/** Gives nothing, and does nothing. */
function nothing(name: string, args: readonly ValueKind[], here: string): Kfunc {
  return constantKfunc(name, { args, result: "void", always: 0, here });
}

/** `XATTR_USER_PREFIX` */
const PREFIX = "user.";

/** `sizeof(struct bpf_crypto_params)`, and where its reserved bytes are. */
const Params = { SIZE: 408, RESERVED: 14 } as const;

/** Functions about objects that this kernel has none of: they say so as Linux would. */
export const NO_OBJECT_KFUNCS: readonly Kfunc[] = [
  ...emptyWalk("kmem_cache", NO_CACHES),
  ...emptyWalk("dmabuf", NO_BUFFERS),
  constantKfunc("bpf_get_kmem_cache", { args: ["i64"], result: "ptr", always: 0, here: NO_CACHES }),
  constantKfunc("bpf_lookup_user_key", { args: ["i32", "i64"], result: "ptr", always: 0, here: NO_KEYS }),
  constantKfunc("bpf_lookup_system_key", { args: ["i64"], result: "ptr", always: 0, here: NO_KEYS }),
  nothing("bpf_key_put", ["ptr"], NO_KEYS),
  constantKfunc("bpf_verify_pkcs7_signature", {
    args: ["ptr", "ptr", "ptr"],
    result: "u32",
    always: -Errno.ENOKEY,
    here: NO_KEYS,
  }),
  constantKfunc(
    "bpf_crypto_ctx_create",
    {
      args: ["ptr", "i32", "ptr"],
      result: "ptr",
      always: 0,
      here: `${NO_CIPHERS.slice(0, -1)}: the error is ENOENT.`,
    },
    (call, params, size, error) => {
      const view = call.memory.view();
      const at = params! >>> 0;
      const wrong = at === 0 || size !== Params.SIZE || view.getUint16(at + Params.RESERVED, true) !== 0;
      view.setInt32(error! >>> 0, wrong ? -Errno.EINVAL : -Errno.ENOENT, true);
      return undefined;
    },
  ),
  nothing("bpf_crypto_ctx_release", ["ptr"], NO_CIPHERS),
  constantKfunc("bpf_crypto_ctx_acquire", { args: ["ptr"], result: "ptr", always: 0, here: NO_CIPHERS }),
  ...["bpf_crypto_encrypt", "bpf_crypto_decrypt"].map((name) =>
    constantKfunc(name, {
      args: ["ptr", "ptr", "ptr", "ptr"],
      result: "u32",
      always: -Errno.EINVAL,
      here: NO_CIPHERS,
    }),
  ),
  nothing("css_rstat_updated", ["ptr", "i32"], "Control groups have no statistics."),
  nothing("css_rstat_flush", ["ptr"], "Control groups have no statistics."),
  constantKfunc(
    "bpf_cgroup_read_xattr",
    {
      args: ["ptr", "ptr", "ptr"],
      result: "u32",
      checks: [{ kind: "anything" }, { kind: "anything" }, { kind: "fixedMemory", bytes: DynptrField.BYTES }],
      always: -Errno.ENODATA,
      here: "Control groups have no extended attributes.",
    },
    (call, _group, name, value) => {
      const start = name! >>> 0;
      const given = String.fromCharCode(...call.memory.bytes().subarray(start, start + PREFIX.length));
      if (given !== PREFIX) return -Errno.EPERM;
      const dynptr = dynptrAt(call, value! >>> 0);
      return dynptr === null || dynptr.readOnly ? -Errno.EINVAL : undefined;
    },
  ),
];

/** What fixups write out where it is called, or never let run; and functions of Linux's own tests. */
export const PLAIN_KFUNCS: readonly Kfunc[] = [
  emittedKfunc("bpf_cast_to_kern_ctx", { args: ["ptr"], result: "ptr" }, (f) => f.get(f.params[0]!)),
  emittedKfunc("bpf_rdonly_cast", { args: ["ptr", "i32"], result: "ptr" }, (f) => f.get(f.params[0]!)),
  emittedKfunc("__bpf_trap", { args: [], result: "void" }, (f) => f.nop()),
  hostKfunc(
    "bpf_modify_return_test_tp",
    { args: ["i32"], result: "u32", here: "Its tracepoint, bpf_trigger_tp, is not hit." },
    (_call, nonce) => nonce!,
  ),
];
