import { describe, expect, it } from "vitest";
import { offsetOf } from "../../src/btf/index.ts";
import { CaseProgram, linuxTypes } from "./case-program.ts";

const { btf } = linuxTypes();
const at = (path: string) => offsetOf(btf, path);

/** What a program put into its only map: words of 32 bits. */
function seen(sut: CaseProgram, count: number): number[] {
  const value = sut.kernel.mapLookupElem({ mapFd: sut.map(), key: new Uint8Array(4) })!;
  return [...new Uint32Array(value.buffer, value.byteOffset, count)];
}

const HEAD = `type: sched_cls
types:
  struct seen { int words[16]; };
map seen: array, key int, value struct seen, entries 1
`;

/** Notes a word that r1 has: the next of those in the map, r7 being how many bytes there are. */
const NOTE = `  if r7 > 60 goto next
  r2 = %seen[0]+0
  r2 += r7
  *(u32 *)(r2 + 0) = r1
  r7 += 4
  goto next
`;

describe("a walk over control groups", () => {
  const WALK = (flags: number) => `${HEAD}code:
  r7 = 0
  r1 = 2
  call kfunc bpf_cgroup_from_id
  if r0 == 0 goto out
  r6 = r0
  call kfunc bpf_rcu_read_lock
  r1 = r10; r1 += -24; r2 = r6; r3 = ${flags}
  call kfunc bpf_iter_css_new
next:
  r1 = r10; r1 += -24
  call kfunc bpf_iter_css_next
  if r0 == 0 goto done
  r1 = *(u64 *)(r0 + ${at("cgroup_subsys_state.cgroup")})
  r1 = *(u64 *)(r1 + ${at("cgroup.kn")})
  r1 = *(u64 *)(r1 + ${at("kernfs_node.id")})
${NOTE}done:
  r1 = r10; r1 += -24
  call kfunc bpf_iter_css_destroy
  call kfunc bpf_rcu_read_unlock
  r1 = r6
  call kfunc bpf_cgroup_release
out:
  r0 = r7
  exit
`;

  // 2 has 3, which has 4 and 5, and 6.
  it.each([
    ["parents first", 2, [2, 3, 4, 5, 6]],
    ["parents last", 3, [4, 5, 3, 6, 2]],
    ["up to the root", 4, [2, 1]],
  ])("%s", (_, flags, ids) => {
    using sut = new CaseProgram(WALK(flags));
    for (const path of ["/a", "/a/b", "/a/b/c", "/a/b/d", "/a/e"]) sut.kernel.cgroups.create(path);
    expect(sut.run() / 4).toBe(ids.length);
    expect(seen(sut, ids.length)).toEqual(ids);
  });
});

describe("areas of an address space", () => {
  const TASK = `  r7 = 0
  r1 = 50
  call kfunc bpf_task_from_pid
  if r0 == 0 goto out
  r6 = r0
`;
  const RELEASE = `  r1 = r6
  call kfunc bpf_task_release
out:
  r0 = r7
  exit
`;

  function withTask(text: string): CaseProgram {
    const sut = new CaseProgram(text);
    const memory = sut.kernel.createAddressSpace();
    memory.map(0x40_0000n, 8192);
    memory.map(0x60_0000n, 4096, { writable: false });
    sut.kernel.tasks.create({ pid: 50, memory });
    return sut;
  }

  it.each([
    [0, [0x40_0000, 0x60_0000]],
    [0x40_1fff, [0x40_0000, 0x60_0000]],
    [0x40_2000, [0x60_0000]],
    [0x60_1000, []],
  ])("are walked from %i on", (address, starts) => {
    using sut = withTask(`${HEAD}code:
${TASK}  r1 = r10; r1 += -8; r2 = r6; r3 = ${address}
  call kfunc bpf_iter_task_vma_new
next:
  r1 = r10; r1 += -8
  call kfunc bpf_iter_task_vma_next
  if r0 == 0 goto done
  r1 = *(u64 *)(r0 + ${at("vm_area_struct.vm_start")})
${NOTE}done:
  r1 = r10; r1 += -8
  call kfunc bpf_iter_task_vma_destroy
${RELEASE}`);
    expect(sut.run() / 4).toBe(starts.length);
    expect(seen(sut, starts.length)).toEqual(starts);
  });

  it.each([
    [0x40_1000, 0, 0x40_2000],
    [0x60_0fff, 0, 0x60_1000],
    [0x50_0000, 0, -2],
    [0x40_0000, 1, -22],
  ])("the one of %i with the flags %i", (address, flags, expected) => {
    using sut = withTask(`type: sched_cls
types:
  int main(struct __sk_buff *skb);
  static long found(struct task_struct *task, struct vm_area_struct *vma, void *ctx);
code:
main:
${TASK}  *(u64 *)(r10 - 8) = 0
  r1 = r6; r2 = ${address}; r3 = subprog[found]; r4 = r10; r4 += -8; r5 = ${flags}
  call bpf_find_vma
  r7 = r0
  if r7 != 0 goto release
  r7 = *(u64 *)(r10 - 8)
release:
${RELEASE}found:
  r1 = *(u64 *)(r2 + ${at("vm_area_struct.vm_end")})
  *(u64 *)(r3 + 0) = r1
  r0 = 0
  exit
`);
    expect(sut.run() | 0).toBe(expected);
  });
});

it("a per-CPU variable of the kernel has a place for each CPU", () => {
  using sut = new CaseProgram(
    `type: sched_cls
code:
  r1 = variable cpu_number
  r2 = 1
  call bpf_per_cpu_ptr
  if r0 == 0 goto out
  r6 = *(u32 *)(r0 + 0)
  r1 = variable cpu_number
  call bpf_this_cpu_ptr
  r7 = *(u32 *)(r0 + 0)
  r1 = variable cpu_number
  r2 = 2
  call bpf_per_cpu_ptr
  if r0 != 0 goto out
  r0 = r6
  r0 *= 10
  r0 += r7
  exit
out:
  r0 = 99
  exit
`,
    { cpus: 2 },
  );
  expect(sut.run()).toBe(10);
});
