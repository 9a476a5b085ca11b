import { afterAll, expect, it } from "vitest";
import { BtfKind } from "../../src/btf/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType as A, BpfProgFlag, BpfMapType as M } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { type Loading, loadFields } from "./programs.ts";
import { type Fields, type Pair, Twins } from "./twins.ts";

/** Maps that have owners. */
const TYPES = [M.PROG_ARRAY, M.DEVMAP, M.DEVMAP_HASH, M.CPUMAP];
const UNLIKE = ["insns", "logTrueSize"];
/** Uses its first map, and calls into it. */
const CALLS = "r6 = r1\nr2 = %0\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit";
/** Uses its first map. */
const NAMES = "r2 = %0\nr0 = 0\nexit";
const PASS = "r0 = 0\nexit";

describeWith([liveKernel("6.18")], "owners of maps of programs, as Linux", async () => {
  const types = linuxTypes();
  const twins = await Twins.meet({ btf: types });
  afterAll(() => twins[Symbol.dispose]());
  const check = () => expect(twins.taken()).toEqual([]);

  const make = (mapType: number) =>
    twins.mustOpen("MAP_CREATE", {
      mapType,
      keySize: 4,
      valueSize: mapType === M.PROG_ARRAY ? 4 : 8,
      maxEntries: 4,
    });
  const put = (map: Pair, mapType: number, program: Pair) =>
    twins.call(
      "MAP_UPDATE_ELEM",
      {
        mapFd: map,
        key: new Uint8Array(4),
        value: (side) => {
          const fd = side.of(program);
          return new Uint8Array(Int32Array.from(mapType === M.PROG_ARRAY ? [fd] : [1, fd]).buffer);
        },
      },
      { ignore: ["value"] },
    );
  /** Loads it on both, where both let it. */
  const attempt = (type: string, text: string, loading: Loading) => {
    const program = twins.open("PROG_LOAD", loadFields(type, text, loading), { ignore: UNLIKE });
    if (program !== null) twins.close(program);
  };

  /** A program as text, with the maps that it names after the one that is examined. */
  interface Candidate {
    readonly type: string;
    readonly fields?: Fields;
    readonly others?: readonly Pair[];
    readonly text?: string;
  }

  /** Each pair of programs: the first decides, by its load or as an element, and the second comes in both ways. */
  const pairs = (mapTypes: readonly number[], candidates: readonly Candidate[]) => {
    const named = (map: Pair, { fields = {}, others = [] }: Candidate): Loading => ({
      fields,
      maps: [map, ...others],
    });
    // As an element a program names its other maps all the same.
    const spare = make(M.PROG_ARRAY);
    for (const mapType of mapTypes) {
      const text = mapType === M.PROG_ARRAY ? CALLS : NAMES;
      for (const first of candidates) {
        for (const second of candidates) {
          for (const byLoad of [true, false]) {
            const map = make(mapType);
            const enter = (candidate: Candidate) => {
              const own = candidate.text ?? PASS;
              const fresh = own.includes("%0") ? make(M.PROG_ARRAY) : spare;
              const member = twins.open(
                "PROG_LOAD",
                loadFields(candidate.type, own, named(fresh, candidate)),
                {
                  ignore: UNLIKE,
                },
              );
              if (member === null) return;
              put(map, mapType, member);
              twins.close(member);
              if (fresh !== spare) twins.close(fresh);
            };
            const name = (candidate: Candidate) => {
              const names = (candidate.others ?? []).map((_, i) => `r1 = %${i + 1}\n`).join("");
              attempt(candidate.type, text.replace(/r2 = /, `${names}r2 = `), named(map, candidate));
            };
            if (byLoad) name(first);
            else enter(first);
            name(second);
            enter(second);
            twins.close(map);
          }
        }
      }
    }
    twins.close(spare);
    check();
  };

  it("fragments, attach types and types", () => {
    const xdp = (expectedAttachType: number, progFlags = 0) => ({
      type: "xdp",
      fields: { expectedAttachType, progFlags },
    });
    pairs(TYPES, [
      xdp(A.XDP),
      xdp(A.XDP, BpfProgFlag.XDP_HAS_FRAGS),
      xdp(A.XDP_DEVMAP),
      xdp(A.XDP_DEVMAP, BpfProgFlag.XDP_HAS_FRAGS),
      xdp(A.XDP_CPUMAP),
      xdp(A.XDP_CPUMAP, BpfProgFlag.XDP_HAS_FRAGS),
      { type: "sched_cls" },
    ]);
  }, 60_000);

  it("storage of control groups", () => {
    const storage = (mapType: number) =>
      twins.mustOpen("MAP_CREATE", { mapType, keySize: 16, valueSize: 8, maxEntries: 0 });
    const [one, other] = [storage(M.CGROUP_STORAGE), storage(M.CGROUP_STORAGE)];
    const [mine, yours] = [storage(M.PERCPU_CGROUP_STORAGE), storage(M.PERCPU_CGROUP_STORAGE)];
    const member = (others: readonly Pair[]): Candidate[] => {
      const names = others.map((_, i) => `r1 = %${i + 1}\n`).join("");
      return [
        { type: "cgroup_skb", others, text: `${names}${PASS}` },
        { type: "cgroup_skb", others, text: CALLS.replace(/r2 = /, `r7 = r1\n${names}r1 = r7\nr2 = `) },
      ];
    };
    pairs(
      [M.PROG_ARRAY],
      [
        ...member([]),
        ...member([one]),
        ...member([other]),
        ...member([mine]),
        ...member([one, mine]),
        ...member([one, yours]),
      ],
    );
  }, 120_000);

  // This machine's kernel has no trampolines: raw tracepoints stand for all that are for one function.
  it("prototypes of the functions that programs are for", () => {
    const traced = (name: string) => ({
      type: "tracing",
      fields: {
        attachBtfId: types.findByName(`btf_trace_${name}`, BtfKind.TYPEDEF),
        expectedAttachType: A.TRACE_RAW_TP,
      },
    });
    // Those of one event class have the same.
    const names = ["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_process_exec"];
    pairs([M.PROG_ARRAY], [...names.map(traced), { type: "raw_tracepoint" }]);
  }, 120_000);

  it("whether they sleep", () => {
    pairs(
      [M.PROG_ARRAY],
      [
        { type: "kprobe" },
        { type: "kprobe", fields: { progFlags: BpfProgFlag.SLEEPABLE } },
        { type: "syscall", fields: { progFlags: BpfProgFlag.SLEEPABLE } },
      ],
    );
  }, 60_000);
});
