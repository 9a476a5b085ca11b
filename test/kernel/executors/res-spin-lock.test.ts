import { describe, expect, it } from "vitest";
import { Errno } from "../../../src/uapi/index.ts";
import { testExecutors } from "../../support/executors.ts";
import { CaseProgram } from "../case-program.ts";

const TYPES = `type: sched_cls
types:
  struct val { struct bpf_res_spin_lock lock; int held; };`;

const MAP = "map locked: array, key int, value struct val, entries 2";

/** Text that has r0 be the address of the value whose key \`key\` is. */
const value = (key: string) => `
  *(u32 *)(r10 - 4) = ${key}
  r1 = %locked; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out`;

/** Takes both locks and goes on for longer than anybody lets it. */
const BOTH_HELD = `${TYPES}
${MAP}
code:
  ${value("0")}
  r6 = r0
  ${value("1")}
  r7 = r0
  r1 = r6
  call kfunc bpf_res_spin_lock
  if r0 != 0 goto failed
  r1 = r7
  call kfunc bpf_res_spin_lock
  if r0 != 0 goto undo
again:
  may_goto done
  goto again
done:
  r1 = r7
  call kfunc bpf_res_spin_unlock
  r1 = r6
  call kfunc bpf_res_spin_unlock
out:
  r0 = 0
  exit
undo:
  r8 = r0
  r1 = r6
  call kfunc bpf_res_spin_unlock
  r0 = r8
failed:
  exit
`;

/** As long as anybody lets it, again and again. */
const LOOPED = `${TYPES}
  int main(struct __sk_buff *skb);
  static int step(long index, void *ctx);
${MAP}
code:
main:
  r1 = 8000000; r2 = subprog[step]; r3 = 0; r4 = 0
  call bpf_loop
  r0 = 0
  exit
step:
  ${value("0")}
  r6 = r0
  r1 = r6
  call kfunc bpf_res_spin_lock
  if r0 != 0 goto failed
  r1 = 1
  *(u32 *)(r6 + 4) = r1
again:
  may_goto done
  goto again
done:
  r1 = r6
  call kfunc bpf_res_spin_unlock
out:
  r0 = 0
  exit
failed:
  r1 = 2
  *(u32 *)(r6 + 4) = r1
  r0 = 1
  exit
`;

/** Each of two CPUs takes a lock of its own, waits until the other has done so, then wants that of the other. */
const CROSSED = `${TYPES}
${MAP}
code:
  call bpf_get_smp_processor_id
  r8 = r0
  ${value("r8")}
  r6 = r0
  r8 ^= 1
  ${value("r8")}
  r7 = r0
  r1 = r6
  call kfunc bpf_res_spin_lock
  if r0 != 0 goto failed
  r1 = 1
  *(u32 *)(r6 + 4) = r1
again:
  may_goto met
  r1 = *(u32 *)(r7 + 4)
  if r1 == 0 goto again
met:
  r1 = r7
  call kfunc bpf_res_spin_lock
  r8 = r0
  if r0 != 0 goto undo
  r1 = r7
  call kfunc bpf_res_spin_unlock
undo:
  r1 = r6
  call kfunc bpf_res_spin_unlock
  r0 = r8
failed:
  exit
out:
  r0 = 0
  exit
`;

const DEADLOCK = -Errno.EDEADLK >>> 0;

describe("locks whose taking may fail", () => {
  it("are given back by a run that ends with a fault", async () => {
    const options = { engine: "interp", cpus: 2, budget: 2000, executors: await testExecutors(2) } as const;
    const sut = new CaseProgram(BOTH_HELD, options);
    // One executor is enough.
    expect(() => sut.run()).toThrow("EFAULT");
    expect(() => sut.run()).toThrow("EFAULT");
    for (const cpu of [0, 1, 0]) {
      const [result] = await sut.kernel.runParallel({ progFd: sut.progFd, cpus: [cpu] });
      expect([result!.retval, result!.fault?.kind]).toEqual([0, "budget"]);
    }
    expect(() => sut.run()).toThrow("EFAULT");
    await sut.kernel.shutdown();
  });

  it.each(["interp", "jit"] as const)("are given back by a run that is interrupted: %s", async (engine) => {
    const options = { engine, cpus: 2, budget: Infinity, executors: await testExecutors(2) } as const;
    const sut = new CaseProgram(LOOPED, options);
    const mapFd = sut.map();
    const state = () => sut.kernel.mapLookupElem({ mapFd, key: new Uint8Array(4) })![4];
    for (let round = 0; round < 3; round++) {
      sut.kernel.mapUpdateElem({ mapFd, key: new Uint8Array(4), value: new Uint8Array(8) });
      const abort = new AbortController();
      const running = sut.kernel.runParallel({ progFd: sut.progFd, cpus: [0], signal: abort.signal });
      while (state() === 0) await new Promise<void>((resolve) => void setTimeout(resolve, 1));
      abort.abort();
      expect((await running)[0]!.fault?.kind).toBe("interrupted");
      expect(state()).toBe(1);
    }
    await sut.kernel.shutdown();
  });

  it.each(["interp", "jit"] as const)(
    "fail soon where two executors wait for each other: %s",
    async (engine) => {
      const options = { engine, cpus: 2, budget: Infinity, executors: await testExecutors(2) } as const;
      const sut = new CaseProgram(CROSSED, options);
      const results = await sut.kernel.runParallel({ progFd: sut.progFd, cpus: [0, 1] });
      expect(results.map(({ fault }) => fault)).toEqual([null, null]);
      const values = results.map(({ retval }) => retval);
      expect(values).toContain(DEADLOCK);
      // The other has the lock then, unless it has seen the same at the same time.
      for (const retval of values) expect([0, DEADLOCK]).toContain(retval);
      await sut.kernel.shutdown();
    },
  );
});
