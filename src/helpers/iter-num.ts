import { Errno } from "../uapi/index.ts";
import type { Local } from "../wasm/index.ts";
import { emittedKfunc } from "./define.ts";
import type { Kfunc } from "./helper.ts";

/** `BPF_MAX_LOOPS` */
const MAX_LOOPS = 8 * 1024 * 1024;

/** `struct bpf_iter_num_kern`: the number before the next one, and the one behind the last. */
const CURRENT = 0;
const END = 4;

const ITERATOR = { kind: "fixedMemory", bytes: 8, write: true } as const;

const create = emittedKfunc(
  "bpf_iter_num_new",
  { args: ["ptr", "i32", "i32"], result: "u32", checks: [ITERATOR] },
  (f) => {
    const [iterator, start, end] = f.params as [Local, Local, Local];
    f.get(iterator).i64.const(0).i64.store(CURRENT);
    f.get(start).get(end).i32.gtS();
    f.if(() => f.i32.const(-Errno.EINVAL).return());
    f.get(end).i64.extendI32S().get(start).i64.extendI32S().i64.sub().i64.const(MAX_LOOPS).i64.gtS();
    f.if(() => f.i32.const(-Errno.E2BIG).return());
    // The first one may be the least of all: its predecessor wraps around, and so does the addition that follows.
    f.get(iterator).get(start).i32.const(1).i32.sub().i32.store(CURRENT);
    f.get(iterator).get(end).i32.store(END);
    f.i32.const(0);
  },
);

const next = emittedKfunc("bpf_iter_num_next", { args: ["ptr"], result: "ptr", checks: [ITERATOR] }, (f) => {
  const [iterator] = f.params as [Local];
  const number = f.local("i32", "number");
  f.get(iterator).i32.load(CURRENT).i32.const(1).i32.add().tee(number);
  f.get(iterator).i32.load(END).i32.geS();
  f.if(() => {
    f.get(iterator).i64.const(0).i64.store(CURRENT);
    f.i32.const(0).return();
  });
  f.get(iterator).get(number).i32.store(CURRENT);
  f.get(iterator);
});

const destroy = emittedKfunc(
  "bpf_iter_num_destroy",
  { args: ["ptr"], result: "void", checks: [ITERATOR] },
  (f) => {
    const [iterator] = f.params as [Local];
    f.get(iterator).i64.const(0).i64.store(CURRENT);
  },
);

/** The open-coded iterator over a range of numbers. */
export const ITER_NUM_KFUNCS: readonly Kfunc[] = [create, next, destroy];
