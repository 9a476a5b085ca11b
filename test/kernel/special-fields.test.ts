import { describe, expect, it } from "vitest";
import { BpfUpdateFlag } from "../../src/uapi/index.ts";
import { CaseProgram } from "./case-program.ts";
import { refusal, u32 } from "./support.ts";

const COUNTER = `type: sched_cls
types:
  struct val { long n; struct bpf_spin_lock lock; int tail; };
map locked: array, key int, value struct val, entries 1
code:
  *(u32 *)(r10 - 4) = 0
  r1 = %locked; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0
  r1 = r6; r1 += 8
  call bpf_spin_lock
  r7 = *(u64 *)(r6 + 0)
  r7 += 1
  *(u64 *)(r6 + 0) = r7
  r1 = r6; r1 += 8
  call bpf_spin_unlock
out:
  r0 = 0
  exit
`;

describe("values with a spin lock", () => {
  it("are read and written without it", () => {
    using sut = new CaseProgram(COUNTER);
    const mapFd = sut.map();
    const key = u32(0);
    sut.kernel.mapUpdateElem({ mapFd, key, value: new Uint8Array(16).fill(9) });
    const value = sut.kernel.mapLookupElem({ mapFd, key })!;
    expect([...value]).toEqual([...new Array(8).fill(9), 0, 0, 0, 0, ...new Array(4).fill(9)]);
    sut.run();
    expect(sut.kernel.mapLookupElem({ mapFd, key })![0]).toBe(10);
  });

  it("are taken as a whole where that is asked for", () => {
    using sut = new CaseProgram(COUNTER);
    const mapFd = sut.map();
    const flags = BigInt(BpfUpdateFlag.F_LOCK);
    sut.kernel.mapUpdateElem({ mapFd, key: u32(0), value: new Uint8Array(16).fill(7), flags });
    expect(sut.kernel.mapLookupElem({ mapFd, key: u32(0), flags })![15]).toBe(7);
    const plain = sut.kernel.mapCreate({ mapType: 2, keySize: 4, valueSize: 16, maxEntries: 1 });
    const value = new Uint8Array(16);
    expect(refusal(() => sut.kernel.mapUpdateElem({ mapFd: plain, key: u32(0), value, flags }))).toBe(
      "EINVAL",
    );
    expect(refusal(() => sut.kernel.mapLookupElem({ mapFd: plain, key: u32(0), flags }))).toBe("EINVAL");
  });
});

const LIST = (map: string) => `type: sched_cls
types:
  struct node { long n; struct bpf_list_node link; };
  struct val { struct bpf_spin_lock lock; int pad; struct bpf_list_head head __contains(node, link); };
  int main(struct __sk_buff *skb);
map lists: ${map}, key int, value struct val, entries 1
element lists: 00000000 = zeros(24)
code:
main:
  *(u32 *)(r10 - 4) = 0
  r1 = %lists; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0
  r1 = typeid(struct node); r2 = 0
  call kfunc bpf_obj_new_impl
  if r0 == 0 goto out
  r7 = r0
  r1 = r6
  call bpf_spin_lock
  r1 = r6; r1 += 8; r2 = r7; r2 += 8; r3 = 0; r4 = 0
  call kfunc bpf_list_push_front_impl
  r1 = r6
  call bpf_spin_unlock
out:
  r0 = 0
  exit
`;

describe("objects in a list", () => {
  it.each(["array", "hash"])("end with the value of an %s that they are in", (map) => {
    using sut = new CaseProgram(LIST(map));
    const mapFd = sut.map();
    const fill = () => {
      for (let i = 0; i < 300; i++) sut.run();
      sut.kernel.mapUpdateElem({ mapFd, key: u32(0), value: new Uint8Array(24) });
    };
    fill();
    const before = sut.kernel.memoryUsed;
    for (let i = 0; i < 5; i++) fill();
    // All of them were taken from what the first round left behind.
    expect(sut.kernel.memoryUsed).toBe(before);
  });

  it("of 20,000 end at once", () => {
    using sut = new CaseProgram(LIST("hash"));
    const mapFd = sut.map();
    const { progFd } = sut;
    sut.kernel.progTestRun({ progFd, dataIn: new Uint8Array(64), repeat: 20_000 });
    sut.kernel.mapDeleteElem({ mapFd, key: u32(0) });
    expect(sut.kernel.mapLookupElem({ mapFd, key: u32(0) })).toBeNull();
  });
});
