import { passings } from "./functions.ts";
import { digit, type Kind, leave, type Workbench } from "./workbench.ts";

const EPERM = 1;

/** In which order programs at one function run, and who decides what it gives. */
export function compareOrders(bench: Workbench): void {
  const { group } = passings(bench);
  const { name } = group;
  const kinds: readonly (readonly [Kind | "kprobe" | "kretprobe", number])[] = [
    ["kretprobe", 7],
    ["fexit", 5],
    ["fmod_ret", 4],
    ["fentry", 2],
    ["kprobe", 1],
    ["fentry", 3],
    ["fexit", 6],
    ["kretprobe", 8],
    ["kprobe", 9],
  ];
  const attach = (kind: Kind | "kprobe" | "kretprobe", text: string, hook = name) => {
    if (kind === "kprobe" || kind === "kretprobe")
      bench.attachProbe({ name: hook, config: kind === "kprobe" ? 0 : 1 }, text);
    else bench.attachTracing(kind, hook, text);
  };
  for (const order of [kinds, kinds.toReversed()]) {
    for (const [kind, value] of order) attach(kind, digit(1, value));
    bench.pass(group);
    bench.words("order of programs at a function", 1);
    bench.closeAll();
  }

  // What fmod_ret gives is in the function's place, and no other is asked any more.
  const gives = (value: number, then: number) => `${digit(1, then)}\nr0 = ${value}\nexit`;
  for (const values of [
    [0, 0],
    [-EPERM, 0],
    [0, -EPERM],
    [-EPERM, -13],
    [1, 0],
  ]) {
    attach("fentry", digit(1, 1));
    for (const [index, value] of values.entries()) attach("fmod_ret", gives(value, index + 2));
    attach("fexit", `r7 = *(u64 *)(r6 + 8)\nr7 <<= 32\nr7 s>>= 32\n${leave(2)}\n${digit(1, 4)}`);
    bench.pass(group, { compareResult: values.every((value) => value <= 0) });
    bench.words(`fmod_ret gives ${values}`, 2);
    bench.closeAll();
  }

  // Hooks of LSM see what those before gave.
  const hook = { ...group, name: "bpf_lsm_task_getpgid" };
  for (const values of [[0], [-EPERM], [0, -EPERM], [-EPERM, -13]]) {
    for (const [index, value] of values.entries())
      bench.attachTracing("lsm", hook.name, gives(value, index + 1));
    bench.pass(hook);
    bench.words(`hooks give ${values}`, 1);
    bench.closeAll();
  }
}
