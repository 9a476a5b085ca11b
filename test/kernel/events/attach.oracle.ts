import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { linuxTypes } from "../../../src/node/index.ts";
import { BpfAttachType } from "../../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { load } from "../programs.ts";
import { type Fields, Pair, room, Twins } from "../twins.ts";
import { Stage } from "./stage.ts";

const INGRESS = BpfAttachType.CGROUP_INET_INGRESS;
const TCX = BpfAttachType.TCX_INGRESS;

describeWith([liveKernel("6.18")], "PROG_ATTACH, as on Linux", async () => {
  const twins = await Twins.meet({ btf: linuxTypes() });
  const stage = await Stage.set(twins);
  const groups: Pair[] = [];
  const skb: Pair[] = [];
  const cls: Pair[] = [];
  let other: Pair;
  let map: Pair;
  let netns: Pair;

  beforeAll(() => {
    for (const path of ["a", "a/b", "a/b/c"]) groups.push(stage.cgroup(path));
    for (let i = 0; i < 4; i++) skb.push(load(twins, "cgroup_skb", "r0 = 1\nexit"));
    for (let i = 0; i < 4; i++) cls.push(load(twins, "sched_cls", "r0 = -1\nexit"));
    other = load(twins, "xdp", "r0 = 2\nexit");
    map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: 1 });
    netns = stage.namespace();
  });
  afterAll(() => {
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  /** Asks both for what is attached; ids are compared by what they are ids of. */
  const query = (fields: Fields, count = 64, more: Fields = {}) => {
    const outcome = twins.call(
      "PROG_QUERY",
      { ...fields, progIds: room(256), progCnt: count, ...more },
      { ignore: ["progIds", "linkIds"] },
    );
    const ids = outcome.buffers["progIds"];
    if (ids === undefined) return;
    const names = ids.map((bytes, side) => {
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 64);
      return [...words].map((id) => (id === 0xaaaa_aaaa ? -1 : nameOf(id, side)));
    });
    if (JSON.stringify(names[0]) !== JSON.stringify(names[1]))
      twins.differences.push(`PROG_QUERY: embedded ${names[0]}, linux ${names[1]}`);
  };

  const ids = new Map<string, number>();
  const nameOf = (id: number, side: number): number => ids.get(`${side}/${id}`) ?? -2;
  const learn = (programs: readonly Pair[]) => {
    for (const [index, pair] of programs.entries()) {
      for (const [side, each] of twins.sides.entries()) {
        const info = new Uint8Array(232);
        each.sys.objGetInfoByFd({ bpfFd: each.of(pair), info });
        ids.set(`${side}/${new DataView(info.buffer).getUint32(4, true)}`, index);
      }
    }
  };
  const idOf = (pair: Pair): Pair => {
    const [embedded, linux] = twins.sides.map((side) => {
      const info = new Uint8Array(232);
      side.sys.objGetInfoByFd({ bpfFd: side.of(pair), info });
      return new DataView(info.buffer).getUint32(4, true);
    }) as [number, number];
    return new Pair(embedded, linux);
  };

  /** A process that another test forks has copies of descriptors for a moment: a link's end is not left to its last one. */
  const end = (link: Pair) => {
    twins.call("LINK_DETACH", { linkFd: link });
    twins.close(link);
  };

  it("every attach type, target and descriptor", () => {
    const targets = [0, 9999, map, groups[0]!, netns, 1];
    for (let attachType = 0; attachType < 62; attachType++) {
      // This machine's kernel has no LSM for groups.
      if (attachType === BpfAttachType.LSM_CGROUP) continue;
      for (const targetFd of targets) {
        for (const attachBpfFd of [0, 9999, map, skb[0]!, cls[0]!, other]) {
          const fields = { targetFd, attachBpfFd, attachType };
          twins.call("PROG_ATTACH", fields);
          twins.call("PROG_DETACH", fields);
        }
        query({ targetFd, attachType });
      }
    }
    expect(twins.taken()).toEqual([]);
  }, 120_000);

  it("flags, one by one and in pairs", () => {
    const places: Fields[] = [
      { targetFd: groups[0]!, attachBpfFd: skb[0]!, attachType: INGRESS },
      { targetFd: 1, attachBpfFd: cls[0]!, attachType: TCX },
    ];
    for (const fields of places) {
      for (let one = 0; one < 16; one++) {
        for (let two = one; two < 16; two++) {
          const attachFlags = (1 << one) | (1 << two);
          twins.call("PROG_ATTACH", { ...fields, attachFlags });
          query(
            fields.attachType === TCX
              ? { targetFd: 1, attachType: TCX }
              : { targetFd: groups[0]!, attachType: INGRESS },
          );
          twins.call("PROG_DETACH", { ...fields, attachFlags });
          twins.call("PROG_DETACH", fields);
        }
      }
      for (const more of [
        { relativeFd: 7 },
        { expectedRevision: 1 },
        { expectedRevision: 99 },
        { replaceBpfFd: 5 },
      ]) {
        twins.call("PROG_ATTACH", { ...fields, ...more });
        twins.call("PROG_DETACH", { ...fields, ...more });
        twins.call("PROG_DETACH", fields);
      }
      for (const size of [8, 12, 16, 20, 24, 32]) {
        twins.call("PROG_ATTACH", fields, { size });
        twins.call("PROG_DETACH", fields, { size });
      }
      twins.call("PROG_ATTACH", fields, { tail: Uint8Array.of(1, 0, 0, 0) });
      const { attachBpfFd: _, ...asked } = fields;
      for (const queryFlags of [0, 1, 2, 3]) query(asked, 64, { queryFlags });
      for (const attachFlags of [1, 2]) query(asked, 64, { attachFlags });
      for (const size of [16, 24, 28, 32, 40, 48, 56, 64])
        twins.call("PROG_QUERY", { ...asked, progIds: 0 }, { size, ignore: ["progIds"] });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("sequences in a hierarchy of groups", () => {
    learn(skb);
    const flagSets = [0, 1, 2, 2, 2, 2 | 64, 2 | 4, 2 | 8, 2 | 16, 2 | 8 | 32, 2 | 16 | 32, 2 | 64 | 8, 3];
    const step = fc.record({
      group: fc.nat(2),
      program: fc.nat(3),
      relative: fc.nat(4),
      replace: fc.nat(3),
      flags: fc.constantFrom(...flagSets),
      action: fc.constantFrom("attach", "attach", "attach", "detach", "link", "unlink"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 14 }), (steps) => {
        const links: Pair[] = [];
        for (const { group, program, relative, replace, flags, action } of steps) {
          const targetFd = groups[group]!;
          const named = relative === 4 ? 0 : (flags & 32) !== 0 ? idOf(skb[relative]!) : skb[relative]!;
          const common = { targetFd, attachType: INGRESS };
          if (action === "attach") {
            const replaceBpfFd = (flags & 4) !== 0 ? skb[replace]! : 0;
            const rest = { attachFlags: flags, relativeFd: named, replaceBpfFd };
            twins.call("PROG_ATTACH", { ...common, attachBpfFd: skb[program]!, ...rest });
          } else if (action === "detach") {
            twins.call("PROG_DETACH", { ...common, attachBpfFd: relative === 4 ? 0 : skb[program]! });
          } else if (action === "link") {
            const linkFlags = flags & (8 | 16 | 32 | 64);
            const anchor = links[relative];
            const place =
              anchor === undefined
                ? { flags: linkFlags, cgroupRelativeFd: named }
                : { flags: (linkFlags & ~32) | 0x2000, cgroupRelativeFd: anchor };
            const fields = { ...common, progFd: skb[program]!, ...place };
            const link = twins.open("LINK_CREATE", fields);
            if (link !== null) links.push(link);
          } else {
            const link = links.pop();
            if (link !== undefined) end(link);
          }
          for (const each of groups) {
            query({ targetFd: each, attachType: INGRESS });
            query({ targetFd: each, attachType: INGRESS }, 64, { queryFlags: 1 });
          }
        }
        query({ targetFd: groups[0]!, attachType: INGRESS }, 1);
        query({ targetFd: groups[0]!, attachType: INGRESS }, 64, { progAttachFlags: room(256) });
        for (const link of links) end(link);
        for (const targetFd of groups)
          for (const attachBpfFd of skb)
            for (let i = 0; i < 2; i++)
              for (const side of twins.sides) detach(side.port, side.of(targetFd), side.of(attachBpfFd));
        expect(twins.taken()).toEqual([]);
      }),
      { numRuns: 150, seed: 17 },
    );
  }, 120_000);

  it("sequences of programs of a device", () => {
    learn(cls);
    const step = fc.record({
      program: fc.nat(3),
      relative: fc.nat(4),
      replace: fc.nat(3),
      flags: fc.constantFrom(0, 0, 4, 8, 16, 8 | 32, 16 | 32, 4 | 8, 4 | 16, 8 | 16, 32, 8 | 64),
      revision: fc.constantFrom(0, 0, 0, 1, 2, 3, 5),
      action: fc.constantFrom("attach", "attach", "attach", "detach", "detach", "link", "update", "unlink"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 14 }), (steps) => {
        const links: Pair[] = [];
        for (const { program, relative, replace, flags, revision, action } of steps) {
          const named = relative === 4 ? 0 : (flags & 32) !== 0 ? idOf(cls[relative]!) : cls[relative]!;
          const common = { targetFd: 1, attachType: TCX };
          const rest = { attachFlags: flags, relativeFd: named, expectedRevision: revision };
          if (action === "attach") {
            const replaceBpfFd = (flags & 4) !== 0 ? cls[replace]! : 0;
            twins.call("PROG_ATTACH", { ...common, attachBpfFd: cls[program]!, ...rest, replaceBpfFd });
          } else if (action === "detach") {
            const attachBpfFd = relative === 3 ? 0 : cls[program]!;
            twins.call("PROG_DETACH", { ...common, attachBpfFd, ...rest });
          } else if (action === "link") {
            const place = { flags, tcxRelativeFd: named, tcxExpectedRevision: revision };
            const link = twins.open("LINK_CREATE", { ...common, progFd: cls[program]!, ...place });
            if (link !== null) links.push(link);
          } else if (links.length > 0) {
            const link = links.at(-1)!;
            if (action === "update") twins.call("LINK_UPDATE", { linkFd: link, newProgFd: cls[program]! });
            else end(links.pop()!);
          }
          const detailed = { progAttachFlags: room(256), linkIds: room(256), linkAttachFlags: room(256) };
          query({ targetFd: 1, attachType: TCX }, 64, detailed);
          query({ targetFd: 1, attachType: TCX }, 1);
        }
        for (const link of links) end(link);
        for (const attachBpfFd of cls) {
          for (const side of twins.sides) detach(side.port, 1, side.of(attachBpfFd), TCX);
        }
        expect(twins.taken()).toEqual([]);
      }),
      { numRuns: 200, seed: 18 },
    );
  }, 120_000);

  it("most programs at one place", () => {
    const many = Array.from({ length: 66 }, () => load(twins, "sched_cls", "r0 = -1\nexit"));
    for (const attachBpfFd of many) twins.call("PROG_ATTACH", { targetFd: 1, attachType: TCX, attachBpfFd });
    for (const attachBpfFd of many) twins.call("PROG_DETACH", { targetFd: 1, attachType: TCX, attachBpfFd });
    for (const each of many) twins.close(each);
    const ones = Array.from({ length: 66 }, () => load(twins, "cgroup_skb", "r0 = 1\nexit"));
    const common = { targetFd: groups[0]!, attachType: INGRESS };
    for (const attachBpfFd of ones) twins.call("PROG_ATTACH", { ...common, attachBpfFd, attachFlags: 2 });
    for (const attachBpfFd of ones) twins.call("PROG_DETACH", { ...common, attachBpfFd });
    for (const each of ones) twins.close(each);
    expect(twins.taken()).toEqual([]);
  });
});

/** PROG_DETACH whose outcome does not matter. */
function detach(
  port: { bpf(command: number, attr: Uint8Array, size: number): number },
  target: number,
  program: number,
  attachType: number = INGRESS,
): void {
  const attr = new Uint8Array(32);
  const view = new DataView(attr.buffer);
  view.setInt32(0, target, true);
  view.setInt32(4, program, true);
  view.setInt32(8, attachType, true);
  port.bpf(9, attr, attr.length);
}
