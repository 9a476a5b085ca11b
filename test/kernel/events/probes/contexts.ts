import { BpfAttachType } from "../../../../src/uapi/index.ts";
import { passings } from "./functions.ts";
import { leave, type Workbench } from "./workbench.ts";

/** `struct pt_regs` of x86-64. */
const Regs = {
  di: 112,
  si: 104,
  dx: 96,
  cx: 88,
  r8: 72,
  r9: 64,
  ax: 80,
  orig_ax: 120,
  ip: 128,
  cs: 136,
  flags: 144,
  ss: 160,
};
const ARGUMENTS = ["di", "si", "dx", "cx", "r8", "r9"] as const;
const COOKIE = 0x1234_5678_9abc_def0n;
const INTERRUPTS = 0x200n;

const low = (word: bigint) => BigInt.asIntN(32, word);

/** What programs at functions find: registers, arguments, results, and what helpers tell of them. */
export function compareContexts(bench: Workbench): void {
  const { send, socket, group, missing } = passings(bench);
  const { twins } = bench;
  const register = (name: keyof typeof Regs, index: number) =>
    `r7 = *(u64 *)(r6 + ${Regs[name]})\n${leave(index)}`;
  const funcIp = (index: number) => `r1 = r6\ncall bpf_get_func_ip\nr8 = r0\nr7 = r0\n${leave(index)}`;
  const cookie = (index: number) => `r1 = r6\ncall bpf_get_attach_cookie\nr7 = r0\n${leave(index)}`;

  const atEntry = `
    ${ARGUMENTS.map((name, index) => register(name, index + 1)).join("\n")}
    ${funcIp(7)}
    r7 = *(u64 *)(r6 + ${Regs.ip})
    r7 -= r8
    ${leave(8)}
    ${register("cs", 9)}
    ${register("orig_ax", 10)}
    ${register("flags", 11)}
    ${register("ss", 12)}`;
  const entered = (word: bigint, index: number) => {
    // The addresses are of the kernels; integers of 32 bits are in the lower half of their registers.
    if (index === 7) return word !== 0n;
    if (index === 11) return word & INTERRUPTS;
    return index === 1 || index === 4 || index === 6 ? low(word) : word;
  };
  bench.attachProbe({ name: send.name }, atEntry);
  bench.pass(send);
  bench.words("registers at a kprobe", 12, entered);
  bench.closeAll();

  const atReturn = `
    ${register("ax", 1)}
    ${funcIp(2)}
    r7 = *(u64 *)(r6 + ${Regs.ip})
    r7 -= r8
    ${leave(3)}
    ${register("cs", 4)}
    ${register("orig_ax", 5)}
    ${register("ss", 6)}`;
  bench.attachProbe({ name: send.name, config: 1 }, atReturn);
  bench.pass(send);
  bench.words("registers at a kretprobe", 6, (word, index) => {
    if (index === 1) return low(word);
    // Where the call goes back to is not in the function.
    return index === 2 || index === 3 ? word !== 0n : word;
  });
  bench.closeAll();

  // Behind the first instruction, which makes room for the tracer: no probe of the function any more.
  const inside = [5, 9].find((offset) => {
    const fd = bench.openOn(twins.sides[1], { name: send.name, offset });
    if (fd >= 0) twins.sides[1].port.close(fd);
    return fd >= 0;
  });
  if (inside === undefined) twins.differences.push("no place in the function for a probe");
  else {
    bench.attachProbe(
      { name: send.name, offset: inside },
      `${funcIp(1)}\n${register("si", 2)}\n${cookie(3)}`,
    );
    bench.pass(send);
    bench.words("inside of a function", 3);
    bench.closeAll();
  }

  for (const config of [0, 1]) {
    const targetFd = bench.open("for a link", { name: socket.name, config })!;
    const progFd = bench.mustLoad("kprobe", cookie(1));
    const attachType = BpfAttachType.PERF_EVENT;
    bench.keep(twins.mustOpen("LINK_CREATE", { progFd, targetFd, attachType, perfEventBpfCookie: COOKIE }));
    bench.pass(socket);
    bench.words("cookie of a link", 1);
    bench.closeAll();
  }

  const argument = (number: number, index: number) => `
    r1 = 0x5555
    *(u64 *)(r10 - 16) = r1
    r1 = r6
    r2 = ${number}
    r3 = r10
    r3 += -16
    call bpf_get_func_arg
    r7 = r0
    ${leave(index)}
    r7 = *(u64 *)(r10 - 16)
    ${leave(index + 1)}`;
  const result = (index: number) => `
    r1 = 0x5555
    *(u64 *)(r10 - 16) = r1
    r1 = r6
    r2 = r10
    r2 += -16
    call bpf_get_func_ret
    r7 = r0
    ${leave(index)}
    r7 = *(u64 *)(r10 - 16)
    ${leave(index + 1)}`;
  const count = (index: number) => `r1 = r6\ncall bpf_get_func_arg_cnt\nr7 = r0\n${leave(index)}`;
  const word = (number: number, index: number) => `r7 = *(u64 *)(r6 + ${8 * number})\n${leave(index)}`;

  for (const kind of ["fentry", "fexit"] as const) {
    for (const passing of [send, socket]) {
      const args = passing.args.length;
      const text = [
        ...passing.args.map((_, index) => word(index, index + 1)),
        kind === "fexit" ? word(args, 7) : "",
        count(8),
        // The last, and what there is none of.
        argument(args - 1, 9),
        argument(args, 11),
        argument(255, 13),
        result(15),
        cookie(17),
        funcIp(18),
      ];
      bench.attachTracing(kind, passing.name, text.join("\n"));
      bench.pass(passing);
      bench.words(`what ${kind} of ${passing.name} finds`, 18, (value, index) => {
        if (index === 18) return value !== 0n;
        if ([1, 4, 5, 6].includes(index) && passing === send) return index === 5 ? value : low(value);
        return index <= 7 || index === 10 || index === 16 ? low(value) : value;
      });
      bench.closeAll();
    }
  }

  // The word behind the arguments is the result also where the caller tells no arguments.
  bench.attachTracing("fexit", missing.name, `${word(1, 1)}\n${count(2)}\n${result(3)}`);
  bench.pass({ ...missing, args: [] });
  bench.words("fexit of a function whose arguments nobody tells", 4, low);
  bench.closeAll();

  for (const kind of ["fexit", "fmod_ret"] as const) {
    const finds = `${word(1, 1)}\n${count(2)}\n${result(3)}\n${cookie(5)}`;
    bench.attachTracing(kind, group.name, finds);
    bench.pass(group);
    bench.words(`what ${kind} of a hook finds`, 5, (value, index) =>
      index === 1 || index === 4 ? low(value) : value,
    );
    bench.closeAll();
  }
}
