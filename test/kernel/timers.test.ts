import { describe, expect, it } from "vitest";
import { CaseProgram } from "./case-program.ts";
import { u32 } from "./support.ts";

const MAP = `
types:
  struct val { long n; struct bpf_timer timer; };
  int main(struct __sk_buff *skb);
  static int callback(void *map, int *key, struct val *value);
map timers: hash, key int, value struct val, entries 4
element timers: 05000000 = zeros(24)`;

/** Starts the timer of element 5 to run in 1000 ns; the callback runs \`act\`. */
const program = (act: string) => `type: sched_cls${MAP}
code:
main:
  *(u32 *)(r10 - 4) = 5
  r1 = %timers; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0; r6 += 8
  r1 = r6; r2 = %timers; r3 = 1
  call bpf_timer_init
  r1 = r6; r2 = subprog[callback]
  call bpf_timer_set_callback
  r1 = r6; r2 = 1000; r3 = 0
  call bpf_timer_start
  exit
out:
  r0 = 1
  exit
callback:
${act}
  r0 = 0
  exit
`;

const ADD_KEY = `
  r1 = *(u32 *)(r2 + 0)
  r4 = *(u64 *)(r3 + 0)
  r4 += r1
  *(u64 *)(r3 + 0) = r4`;

function value(sut: CaseProgram, mapFd: number): number {
  return Number(
    new DataView(sut.kernel.mapLookupElem({ mapFd, key: u32(5) })!.slice().buffer).getBigUint64(0, true),
  );
}

describe("timers", () => {
  it("run when their time has come, once, with map, key and value", () => {
    let now = 1_000_000;
    using sut = new CaseProgram(program(ADD_KEY), { clock: () => now });
    const mapFd = sut.map();
    expect(sut.run()).toBe(0);
    now += 999;
    expect(value(sut, mapFd)).toBe(0);
    now += 1;
    sut.kernel.runTimers();
    expect(value(sut, mapFd)).toBe(5);
    now += 1_000_000;
    expect(value(sut, mapFd)).toBe(5);
  });

  it.each([
    ["CLOCK_REALTIME", 0],
    ["CLOCK_MONOTONIC", 1],
    ["CLOCK_BOOTTIME", 7],
  ])("run at a time of the kernel's own clock, also by %s", (_name, clock) => {
    let now = 1_000_000;
    const absolute = program(ADD_KEY)
      .replace("r3 = 1\n  call bpf_timer_init", `r3 = ${clock}\n  call bpf_timer_init`)
      .replace("r2 = 1000; r3 = 0", "r2 = 1002000; r3 = 1");
    using sut = new CaseProgram(absolute, { clock: () => now });
    const mapFd = sut.map();
    expect(sut.run()).toBe(0);
    now += 1999;
    sut.kernel.runTimers();
    expect(value(sut, mapFd)).toBe(0);
    now += 1;
    sut.kernel.runTimers();
    expect(value(sut, mapFd)).toBe(5);
  });

  it("run by themselves where the clock is the platform's", async () => {
    using sut = new CaseProgram(program(ADD_KEY));
    const mapFd = sut.map();
    sut.run();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(value(sut, mapFd)).toBe(5);
  });

  it("start themselves again", () => {
    let now = 0;
    const again = `${ADD_KEY}
  r1 = r3; r1 += 8; r2 = 1000; r3 = 0
  call bpf_timer_start`;
    using sut = new CaseProgram(program(again), { clock: () => now });
    const mapFd = sut.map();
    sut.run();
    for (let i = 1; i <= 3; i++) {
      now += 1000;
      sut.kernel.runTimers();
      sut.kernel.runTimers();
      expect(value(sut, mapFd)).toBe(5 * i);
    }
  });

  it("may not wait for themselves, and may delete their element", () => {
    let now = 0;
    const act = `
  r6 = r1; r7 = r2; r8 = r3
  r1 = r8; r1 += 8
  call bpf_timer_cancel
  *(u64 *)(r8 + 0) = r0
  r1 = r6; r2 = r7
  call bpf_map_delete_elem`;
    using sut = new CaseProgram(program(act), { clock: () => now });
    const mapFd = sut.map();
    sut.run();
    now += 1000;
    expect(sut.kernel.mapLookupElem({ mapFd, key: u32(5) })).toBeNull();
    expect(sut.kernel.lastFault).toBeNull();
  });

  it("are no part of what user space reads and writes", () => {
    let now = 0;
    using sut = new CaseProgram(program(ADD_KEY), { clock: () => now });
    const mapFd = sut.map();
    sut.run();
    expect([...sut.kernel.mapLookupElem({ mapFd, key: u32(5) })!.subarray(8)]).toEqual(new Array(16).fill(0));
    // Another value takes the element's place: its timer has ended.
    sut.kernel.mapUpdateElem({ mapFd, key: u32(5), value: new Uint8Array(24).fill(255) });
    now += 1000;
    expect(value(sut, mapFd)).toBe(Number(2n ** 64n - 1n));
  });

  it("end with the last descriptor of their map, and hold their program until then", () => {
    let now = 0;
    const sut = new CaseProgram(program(ADD_KEY), { clock: () => now });
    const { kernel } = sut;
    const programs = () => kernel.progGetNextId({ startId: 0 });
    const mapFd = sut.map();
    sut.run();
    sut[Symbol.dispose]();
    expect(programs()).not.toBeNull();
    now += 1000;
    kernel.runTimers();
    expect(value(sut, mapFd)).toBe(5);
    kernel.close(mapFd);
    expect(programs()).toBeNull();
  });
});

describe("work queues", () => {
  it("run when the program has ended", () => {
    using sut = new CaseProgram(`type: sched_cls
types:
  struct val { long n; struct bpf_wq wq; };
  int main(struct __sk_buff *skb);
  static int callback(void *map, int *key, struct val *value);
map queues: array, key int, value struct val, entries 8
code:
main:
  *(u32 *)(r10 - 4) = 5
  r1 = %queues; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r7 = r0
  r6 = r0; r6 += 8
  r1 = r6; r2 = %queues; w3 = 0
  call kfunc bpf_wq_init
  r1 = r6; r2 = subprog[callback]; w3 = 0; r4 = 0
  call kfunc bpf_wq_set_callback_impl
  r1 = r6; w2 = 0
  call kfunc bpf_wq_start
  r0 = *(u64 *)(r7 + 0)
  exit
out:
  r0 = 1
  exit
callback:
${ADD_KEY}
  r0 = 0
  exit
`);
    expect(sut.run()).toBe(0);
    expect(value(sut, sut.map())).toBe(5);
  });
});
