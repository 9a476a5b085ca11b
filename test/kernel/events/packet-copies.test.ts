import { expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { BpfAttachType } from "../../../src/uapi/index.ts";
import { FRAME, loadText } from "../support.ts";

const CLONE = (device: number, flags: number) =>
  `r6 = r1\nr2 = ${device}\nr3 = ${flags}\ncall bpf_clone_redirect\nr1 = *(u32 *)(r6 + 0)\nr0 <<= 8\nr0 += r1\nexit`;

it("a copy leaves through another device once the program has ended", () => {
  const kernel = new EmbeddedKernel();
  const eth = kernel.namespace.addDevice({ name: "eth0" });
  const progFd = loadText(kernel, "sched_cls", CLONE(eth.ifindex, 0));
  expect(kernel.progTestRun({ progFd, dataIn: FRAME }).retval).toBe(64);
  expect(eth.sent).toEqual([FRAME]);
});

it("a copy that comes in meets the programs of its device", () => {
  const kernel = new EmbeddedKernel();
  const eth = kernel.namespace.addDevice({ name: "eth0" });
  const map = kernel.mapCreate({ mapType: 2, keySize: 4, valueSize: 8, maxEntries: 1 });
  const count = loadText(
    kernel,
    "sched_cls",
    `r1 = map[id:${map}][0]+0\nr2 = 1\nlock *(u64 *)(r1 + 0) += r2\nr0 = -1\nexit`,
  );
  kernel.linkCreate({ progFd: count, targetFd: eth.ifindex, attachType: BpfAttachType.TCX_INGRESS });
  const progFd = loadText(kernel, "sched_cls", CLONE(eth.ifindex, 1));
  kernel.progTestRun({ progFd, dataIn: FRAME, repeat: 3 });
  expect(kernel.mapLookupElem({ mapFd: map, key: new Uint8Array(4) })![0]).toBe(3);
});

it("copies of copies end", () => {
  const kernel = new EmbeddedKernel();
  const eth = kernel.namespace.addDevice({ name: "eth0" });
  const again = loadText(kernel, "sched_cls", CLONE(eth.ifindex, 1).replace("r0 <<= 8\nr0 += r1", "r0 = -1"));
  kernel.linkCreate({ progFd: again, targetFd: eth.ifindex, attachType: BpfAttachType.TCX_INGRESS });
  const { runs } = kernel.receive(FRAME, { device: eth });
  expect(runs).toBe(1);
});
