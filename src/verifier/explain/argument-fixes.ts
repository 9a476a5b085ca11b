import { type ArgumentType, HELPER_PROTOTYPES, type HelperArgument } from "../../platform/index.ts";
import { callName } from "./cause.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";

/** The argument that a call is given wrongly, as its prototype has it; null where the log does not name the helper. */
export function prototypeArgument({ last }: Refusal, register: number): HelperArgument | null {
  const id = Number(last?.effect.call?.split("#")[1]);
  return HELPER_PROTOTYPES.get(id)?.args[register - 1] ?? null;
}

/** What would do in place of an argument: by what the helper's prototype says of it. */
export function argumentFixes(refusal: Refusal, register: number): Finding["fixes"] {
  const call = callName(refusal.last?.effect.call ?? "");
  const wanted = prototypeArgument(refusal, register);
  if (wanted === null) {
    return [
      fix(
        "Pass what the function is declared with: vmlinux.h has the types of kernel functions (bpftool btf dump file /sys/kernel/btf/vmlinux format c).",
      ),
    ];
  }
  const [text, code] = ARGUMENT_FIXES[wanted.type] ?? ["Pass what the helper asks for.", null];
  return [fix(text, code), fix(`\`tsbpf help helper ${call}\` says what each argument is.`)];
}

/** What a call wants, in words; null where its prototype is not known, or says too little. */
export function wantedArgument(refusal: Refusal, register: number): string | null {
  const wanted = prototypeArgument(refusal, register);
  return wanted === null ? null : (WANTED[wanted.type] ?? null);
}

const WANTED: { readonly [type in ArgumentType]?: string } = {
  ARG_CONST_MAP_PTR: "a map",
  ARG_PTR_TO_MAP_KEY: "the address of a key",
  ARG_PTR_TO_MAP_VALUE: "the address of a value",
  ARG_PTR_TO_MEM: "the address of memory that the program may use",
  ARG_PTR_TO_CTX: "the context",
  ARG_PTR_TO_SOCK_COMMON: "a socket",
  ARG_PTR_TO_SOCKET: "a full socket",
  ARG_PTR_TO_BTF_ID_SOCK_COMMON: "a socket",
  ARG_PTR_TO_SPIN_LOCK: "the address of a spin lock in a map value",
  ARG_PTR_TO_TIMER: "the address of a timer in a map value",
  ARG_PTR_TO_FUNC: "a function of the program",
  ARG_PTR_TO_RINGBUF_MEM: "a record that bpf_ringbuf_reserve gave",
  ARG_PTR_TO_PERCPU_BTF_ID: "the address of a per-CPU variable of the kernel",
  ARG_PTR_TO_DYNPTR: "a dynptr",
};

const ARGUMENT_FIXES: { readonly [type in ArgumentType]?: readonly [text: string, code: string | null] } = {
  ARG_CONST_MAP_PTR: ["Pass the map itself, the same on every path.", "bpf_map_lookup_elem(&map, &key);"],
  ARG_PTR_TO_MAP_KEY: [
    "Pass the address of a variable that holds the key: not the key, and not where the key may be NULL or unread.",
    "__u32 key = id;\nvalue = bpf_map_lookup_elem(&map, &key);",
  ],
  ARG_PTR_TO_MAP_VALUE: [
    "Pass the address of a variable that holds the value.",
    "__u64 value = 1;\nbpf_map_update_elem(&map, &key, &value, BPF_ANY);",
  ],
  ARG_PTR_TO_MEM: [
    "Pass the address of memory of the program's own: a variable, a map value, a part of the packet.",
    "char buf[16] = {};\n… &buf, sizeof(buf) …",
  ],
  ARG_PTR_TO_CTX: [
    "Pass the context as the program got it, not a copy of it or a field.",
    "int prog(struct __sk_buff *skb)\n…\nbpf_skb_load_bytes(skb, 0, &value, sizeof(value));",
  ],
  ARG_PTR_TO_SOCK_COMMON: [
    "Pass a socket that is known to be there.",
    "struct bpf_sock *sk = skb->sk;\nif (!sk)\n\treturn 0;",
  ],
  ARG_PTR_TO_SOCKET: [
    "Pass a full socket that is known to be there.",
    "struct bpf_sock *sk = skb->sk;\nif (!sk)\n\treturn 0;\nsk = bpf_sk_fullsock(sk);\nif (!sk)\n\treturn 0;",
  ],
  ARG_PTR_TO_BTF_ID_SOCK_COMMON: [
    "Pass a socket that is known to be there.",
    "struct bpf_sock *sk = skb->sk;\nif (!sk)\n\treturn 0;",
  ],
  ARG_PTR_TO_BTF_ID: [
    "Pass a pointer that the verifier knows to be of the kernel's type: an argument of the tracepoint or function, or what a helper gives.",
    "struct task_struct *task = bpf_get_current_task_btf();",
  ],
  ARG_PTR_TO_SPIN_LOCK: ["Pass the address of the lock in a map value.", "bpf_spin_lock(&value->lock);"],
  ARG_PTR_TO_TIMER: [
    "Pass the address of the timer in a map value.",
    "bpf_timer_init(&value->timer, &map, CLOCK_MONOTONIC);",
  ],
  ARG_PTR_TO_FUNC: [
    "Pass a static function of the program.",
    "static long body(__u32 i, void *data)\n…\nbpf_loop(n, body, &loop, 0);",
  ],
  ARG_PTR_TO_STACK: [
    "Pass the address of a variable on the stack, or NULL.",
    "struct loop_ctx loop = {};\nbpf_loop(n, body, &loop, 0);",
  ],
  ARG_PTR_TO_RINGBUF_MEM: [
    "Pass the record as bpf_ringbuf_reserve gave it: not moved, and tested for NULL.",
    "struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);\nif (!e)\n\treturn 0;\n…\nbpf_ringbuf_submit(e, 0);",
  ],
  ARG_PTR_TO_PERCPU_BTF_ID: [
    "Pass the address of a per-CPU variable of the kernel.",
    "extern const int bpf_prog_active __ksym;\nbpf_per_cpu_ptr(&bpf_prog_active, cpu);",
  ],
  ARG_PTR_TO_DYNPTR: [
    "Pass a struct bpf_dynptr that lies on the stack.",
    "struct bpf_dynptr ptr;\nbpf_dynptr_from_mem(value->data, sizeof(value->data), 0, &ptr);",
  ],
};
