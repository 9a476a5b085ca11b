import type { HelperArgument, HelperReturn } from "../platform/index.ts";

/** What a helper takes as an argument; `next`: how the argument behind it is called. */
export function argumentText({ type, flags, size, btf }: HelperArgument, next: string | undefined): string {
  const has = (flag: (typeof flags)[number]) => flags.includes(flag);
  const nullable = has("PTR_MAYBE_NULL") ? ", or NULL" : "";
  const use = has("MEM_UNINIT") ? "filled" : has("MEM_WRITE") ? "read and written" : "read";
  switch (type) {
    case "ARG_ANYTHING":
      return "any number";
    case "ARG_CONST_MAP_PTR":
      return "a map, the same on every path";
    case "ARG_PTR_TO_MAP_KEY":
      return "memory with a key of the map: as many bytes as its key_size, all initialised";
    case "ARG_PTR_TO_MAP_VALUE":
      return `memory for a value of the map: as many bytes as its value_size${has("MEM_UNINIT") ? ", which is filled" : ", all initialised"}${nullable}`;
    case "ARG_PTR_TO_MEM":
      return has("MEM_FIXED_SIZE")
        ? `${size} bytes of memory that are ${use}${nullable}`
        : `memory that is ${use}, of as many bytes as ${next ?? "the next argument"} says${nullable}`;
    case "ARG_CONST_SIZE":
      return "the size in bytes: bounded, and at least 1";
    case "ARG_CONST_SIZE_OR_ZERO":
      return "the size in bytes: bounded, or 0";
    case "ARG_CONST_ALLOC_SIZE_OR_ZERO":
      return "the size in bytes: a constant";
    case "ARG_PTR_TO_CTX":
      return `the context, as the program was given it${nullable}`;
    case "ARG_PTR_TO_SPIN_LOCK":
      return "the struct bpf_spin_lock in a map value or an allocated object";
    case "ARG_PTR_TO_TIMER":
      return "the struct bpf_timer in a map value";
    case "ARG_PTR_TO_SOCK_COMMON":
      return `a socket, of any kind${nullable}`;
    case "ARG_PTR_TO_SOCKET":
      return `a full socket (struct bpf_sock)${nullable}`;
    case "ARG_PTR_TO_BTF_ID_SOCK_COMMON":
      return `a socket, of any kind${has("OBJ_RELEASE") ? ", that was acquired: it is given back" : ""}${nullable}`;
    case "ARG_PTR_TO_BTF_ID":
      if (btf === null)
        return `a pointer to a kernel object${has("OBJ_RELEASE") ? ", that is given away" : ""}${nullable}`;
      return `a struct ${btf} of the kernel${nullable}`;
    case "ARG_PTR_TO_PERCPU_BTF_ID":
      return "the address of a per-CPU variable of the kernel (__ksym)";
    case "ARG_PTR_TO_RINGBUF_MEM":
      return "a record that was reserved: it is given back";
    case "ARG_PTR_TO_FUNC":
      return "a static function of the program";
    case "ARG_PTR_TO_STACK":
      return `memory of the stack${nullable}`;
    case "ARG_PTR_TO_CONST_STR":
      return "a constant string in .rodata, or another frozen read-only map";
    case "ARG_KPTR_XCHG_DEST":
      return "a referenced pointer (__kptr) in a map value or an allocated object";
    case "ARG_PTR_TO_DYNPTR":
      return has("MEM_UNINIT")
        ? "a struct bpf_dynptr on the stack that holds nothing yet: it is made"
        : has("OBJ_RELEASE")
          ? "a dynptr of a reserved record: it is given back"
          : "a dynptr";
    default:
      return type;
  }
}

/** What a helper gives back. */
export function returnText({ type, flags, btf }: HelperReturn): string {
  const nullable = flags.includes("PTR_MAYBE_NULL") ? ", or NULL: test it before it is used" : "";
  switch (type) {
    case "RET_INTEGER":
      return "a number";
    case "RET_VOID":
      return "nothing";
    case "RET_PTR_TO_MAP_VALUE":
      return `a pointer to a map value${nullable}`;
    case "RET_PTR_TO_SOCKET":
      return `a socket (struct bpf_sock)${nullable}`;
    case "RET_PTR_TO_TCP_SOCK":
      return `a TCP socket (struct bpf_tcp_sock)${nullable}`;
    case "RET_PTR_TO_SOCK_COMMON":
      return `a socket of any kind (struct bpf_sock)${nullable}`;
    case "RET_PTR_TO_MEM":
      return `a pointer to memory${nullable}`;
    case "RET_PTR_TO_MEM_OR_BTF_ID":
      return `a pointer to the variable${nullable}`;
    default:
      return `a pointer to ${btf === null ? "a kernel object" : `a struct ${btf} of the kernel`}${nullable}`;
  }
}
