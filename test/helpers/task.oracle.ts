import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { linuxTypes } from "../../src/node/index.ts";
import { load } from "../kernel/programs.ts";
import { Pair, type Side, Twins } from "../kernel/twins.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

describeWith([liveKernel("6.18")], "tasks and times, as Linux tells programs", async () => {
  const types = linuxTypes();
  const twins = await Twins.meet({ btf: types });
  const children: ChildProcess[] = [];
  afterAll(() => {
    twins[Symbol.dispose]();
    for (const child of children) child.kill("SIGKILL");
  });

  const CONTEXT = 64;
  /** Runs a program on words, as many as there are, and gives them as it has left them. */
  const run = (side: Side, progFd: Pair, words: readonly bigint[]) => {
    const ctxIn = new Uint8Array(CONTEXT);
    new BigUint64Array(ctxIn.buffer).set(words.map((word) => BigInt.asUintN(64, word)));
    side.sys.progTestRun({ progFd: side.of(progFd), ctxIn });
    return [...new BigInt64Array(ctxIn.buffer)];
  };
  const SLEEPABLE = { fields: { progFlags: 1 << 4 } };

  it("bpf_get_ns_current_pid_tgid", () => {
    const text = (size: number) => `
      r6 = r1
      r1 = *(u64 *)(r6 + 16)
      *(u64 *)(r10 - 24) = r1
      *(u64 *)(r10 - 16) = r1
      r1 = *(u64 *)(r6 + 0)
      r2 = *(u64 *)(r6 + 8)
      r3 = r10
      r3 += -24
      r4 = ${size}
      call bpf_get_ns_current_pid_tgid
      *(u64 *)(r6 + 24) = r0
      r1 = *(u64 *)(r10 - 24)
      *(u64 *)(r6 + 32) = r1
      r1 = *(u64 *)(r10 - 16)
      *(u64 *)(r6 + 40) = r1
      r0 = 0
      exit`;
    const own = statSync("/proc/self/ns/pid", { bigint: true });
    const place = (side: Side) =>
      side.name === "linux" ? ([own.dev, own.ino] as const) : ([4n, 0xefff_fffcn] as const);
    for (const size of [1, 4, 7, 8, 9, 16]) {
      const progFd = load(twins, "syscall", text(size), SLEEPABLE);
      for (const [device, inode] of [
        [0n, 0n],
        [1n, 0n],
        [0n, 1n],
        [1n << 32n, 0n],
        [0n, 1n << 32n],
        [1n << 63n, 1n << 63n],
      ] as const) {
        twins.both(`size ${size}, ${device} and ${inode} from our own`, (side) => {
          const [dev, ino] = place(side);
          const [, , , result, numbers, behind] = run(side, progFd, [dev ^ device, ino ^ inode, -1n]);
          // Of our own only that they are there is the same: the process's, then the thread's.
          const number = side.name === "linux" ? process.pid : twins.kernel.pid;
          const isOwn = result === 0n && numbers! >> 32n === BigInt(number);
          return [result, isOwn || numbers, behind].map(String);
        });
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("bpf_ktime_get_tai_ns", () => {
    const look = (name: string, at: number) => `call bpf_ktime_get_${name}\n*(u64 *)(r6 + ${at}) = r0`;
    const text = `r6 = r1\n${look("ns", 0)}\n${look("tai_ns", 8)}\n${look("ns", 16)}\n${look("tai_ns", 24)}\nr0 = 0\nexit`;
    const progFd = load(twins, "syscall", text, SLEEPABLE);
    twins.both("the time of day, leap seconds aside, and as even as the other clock", (side) => {
      const before = BigInt(Date.now()) * 1_000_000n;
      const [since, tai, sinceAgain, taiAgain] = run(side, progFd, []) as [bigint, bigint, bigint, bigint];
      const second = 1_000_000_000n;
      const ahead = tai - before;
      const drift = taiAgain - tai - (sinceAgain - since);
      return [ahead > -second && ahead < 60n * second, drift > -second && drift < second, taiAgain >= tai];
    });
    expect(twins.taken()).toEqual([]);
  });

  it.each(["syscall", "sched_cls"])("bpf_send_signal_task of %s", (type) => {
    const memory = { read: () => null, write: () => false };
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    children.push(child);
    const task = twins.kernel.tasks.create({ memory });
    const pids = new Pair(task.pid, child.pid!);
    const id = (name: string) => types.findByName(name);
    for (const kind of [0, 1, 2, 3, 4, -1, 0x7fff_ffff]) {
      for (const signal of [0, 28, 65, -1, 1000, -2147483648, 64]) {
        const text = `
          r1 = %0
          call kfunc(${id("bpf_task_from_vpid")})
          if r0 != 0 goto +2
          r0 = 77
          exit
          r6 = r0
          r1 = r6
          r2 = ${signal}
          r3 = ${kind}
          r4 = 5
          call kfunc(${id("bpf_send_signal_task")})
          r7 = r0
          r1 = r6
          call kfunc(${id("bpf_task_release")})
          r0 = r7
          exit`;
        // The last signal ends the child: asked for where it is refused, too.
        if (signal === 64 && kind >= 0 && kind <= 1) continue;
        const named = (side: Side) => text.replace("%0", `${side.of(pids)}`);
        const sides = twins.sides.map((side) =>
          load(twins, type, named(side), type === "syscall" ? SLEEPABLE : {}),
        );
        twins.both(`signal ${signal} to ${kind}`, (side) => {
          const progFd = sides[twins.sides.indexOf(side)]!;
          const input = type === "syscall" ? { ctxIn: new Uint8Array(8) } : { dataIn: new Uint8Array(64) };
          return side.sys.progTestRun({ progFd: side.of(progFd), ...input }).retval | 0;
        });
        for (const pair of sides) twins.close(pair);
      }
    }
    twins.kernel.tasks.exit(task);
    child.kill("SIGKILL");
    expect(twins.taken()).toEqual([]);
  });
});
