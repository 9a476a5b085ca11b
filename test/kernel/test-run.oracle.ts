import { afterAll, expect, it } from "vitest";
import { encodeStruct } from "../../src/sys/index.ts";
import { bpfSkBuff, xdpMd } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { frame, type Loading, load, run } from "./programs.ts";
import { type FieldValue, type Pair, room, Twins } from "./twins.ts";

const TYPES: readonly (readonly [type: string, text: string, loading?: Loading])[] = [
  ["socket_filter", "r0 = 5\nexit"],
  ["sched_cls", "r0 = 5\nexit"],
  ["cgroup_skb", "r0 = 1\nexit"],
  ["xdp", "r0 = 2\nexit"],
  ["raw_tracepoint", "r0 = 6\nexit"],
  ["syscall", "r0 = 7\nexit", { fields: { progFlags: 16 } }],
  ["kprobe", "r0 = 0\nexit"],
  ["tracepoint", "r0 = 0\nexit"],
  ["perf_event", "r0 = 0\nexit"],
];

describeWith([liveKernel("6.18")], "PROG_TEST_RUN as on Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const programs = new Map<string, Pair>();
  const program = (type: string) => {
    const known = programs.get(type);
    if (known !== undefined) return known;
    const [, text, loading] = TYPES.find(([name]) => name === type)!;
    const loaded = load(twins, type, text, loading);
    programs.set(type, loaded);
    return loaded;
  };
  const PACKET: Readonly<Record<string, FieldValue>> = { dataIn: frame(), dataSizeIn: 68 };
  const check = () => expect(twins.taken()).toEqual([]);

  it("each argument by itself", () => {
    for (const [type] of TYPES) {
      const packet = ["socket_filter", "sched_cls", "cgroup_skb", "xdp"].includes(type);
      const base = packet ? PACKET : {};
      run(twins, program(type), base);
      run(twins, program(type), {});
      for (const [name, values] of [
        ["repeat", [1, 2, 1000]],
        ["flags", [1, 2, 3, 4, 8, 0x8000_0000]],
        ["cpu", [1, 2, 64, 0xffff_ffff]],
        ["batchSize", [1, 64, 256, 257]],
        ["duration", [1]],
        ["retval", [1]],
        ["dataSizeIn", [0, 1, 13, 14, 68]],
        ["dataIn", [0, 0x10]],
        ["dataSizeOut", [1, 68]],
        ["dataOut", [0x10]],
        ["ctxSizeIn", [1, 8, 24, 192]],
        ["ctxIn", [0x10]],
        ["ctxSizeOut", [1, 8, 24, 192]],
        ["ctxOut", [0x10]],
      ] as const) {
        for (const value of values) {
          // Live frames are sent out, and only ever asked for by mistake here.
          if (type === "xdp" && name === "flags" && (value & 2) !== 0) continue;
          run(twins, program(type), { ...base, [name]: value });
          if (name === "cpu") run(twins, program(type), { ...base, [name]: value, flags: 1 });
        }
      }
      for (const size of [0, 1, 20, 67, 68, 69, 200]) {
        run(twins, program(type), { ...base, dataOut: room(512), dataSizeOut: size });
        run(twins, program(type), { ...base, dataOut: 0, dataSizeOut: size });
      }
      for (const size of [0, 1, 8, 23, 24, 25, 100, 191, 192, 193, 256, 4096, 4097]) {
        const ctxIn = size === 0 ? 0 : new Uint8Array(size);
        run(twins, program(type), { ...base, ctxIn, ctxSizeIn: size });
        run(twins, program(type), { ...base, ctxOut: room(4200), ctxSizeOut: size });
        run(twins, program(type), { ...base, ctxIn, ctxSizeIn: size, ctxOut: room(4200), ctxSizeOut: size });
        if (ctxIn !== 0) ctxIn[size - 1] = 1;
        run(twins, program(type), { ...base, ctxIn, ctxSizeIn: size });
      }
      for (const progFd of [0, 7777]) twins.call("PROG_TEST_RUN", { progFd, ...base });
      for (const at of [0, 4, 20])
        run(twins, program(type), base, { tail: new Uint8Array(at + 1).fill(1, at) });
      for (const size of [4, 12, 16, 24, 32, 40, 48, 56, 64, 68, 72, 76, 80, 120])
        run(twins, program(type), base, { size });
    }
    check();
  });

  it("pairs of mistakes", () => {
    const mistakes: Readonly<Record<string, FieldValue>>[] = [
      { dataSizeIn: 13 },
      { dataIn: new Uint8Array(70000), dataSizeIn: 70000 },
      { dataIn: 0 },
      { flags: 8 },
      { cpu: 3 },
      { batchSize: 5 },
      { ctxSizeIn: 8 },
      { ctxIn: new Uint8Array(192).fill(1), ctxSizeIn: 192 },
      { ctxIn: new Uint8Array(4097).fill(1), ctxSizeIn: 4097 },
      { ctxIn: 0x10, ctxSizeIn: 24 },
      { ctxOut: 0x10, ctxSizeOut: 24 },
      { ctxOut: room(256), ctxSizeOut: 5 },
      { dataOut: 0x10, dataSizeOut: 200 },
      { dataOut: room(256), dataSizeOut: 5 },
      { repeat: 3 },
    ];
    for (const [type] of TYPES) {
      for (const one of mistakes)
        for (const other of mistakes) run(twins, program(type), { ...PACKET, ...one, ...other });
    }
    check();
  });

  it("fields of __sk_buff that may be set, and with what", () => {
    for (const field of bpfSkBuff.fields) {
      for (const value of [1, 2, 67, 68, 69, 1000, 65535, 65536, 65537, 0x7fff_ffff]) {
        // Other interfaces than the first are this machine's own.
        if (field.camel === "ifindex" && value > 1 && value < 65536) continue;
        const input = "count" in field ? new Uint8Array(field.size).fill(value) : value;
        const context = encodeStruct(bpfSkBuff, { [field.camel]: input } as never);
        for (const type of ["socket_filter", "sched_cls"]) {
          run(twins, program(type), {
            ...PACKET,
            ctxIn: context,
            ctxSizeIn: context.length,
            ctxOut: room(256),
            ctxSizeOut: 256,
          });
        }
      }
    }
    check();
  });

  it("fields of xdp_md", () => {
    const values = [0, 1, 2, 4, 14, 60, 67, 68, 69, 256];
    for (const field of xdpMd.fields) {
      for (const value of values) {
        if (field.camel === "ingressIfindex" && value > 1) continue;
        const context = encodeStruct(xdpMd, {
          dataEnd: 68,
          ingressIfindex: 1,
          [field.camel]: value,
        } as never);
        run(twins, program("xdp"), {
          ...PACKET,
          ctxIn: context,
          ctxSizeIn: 24,
          ctxOut: room(64),
          ctxSizeOut: 64,
        });
        const bare = encodeStruct(xdpMd, { [field.camel]: value } as never);
        run(twins, program("xdp"), {
          ...PACKET,
          ctxIn: bare,
          ctxSizeIn: 24,
          ctxOut: room(64),
          ctxSizeOut: 64,
        });
      }
    }
    check();
  });
});
