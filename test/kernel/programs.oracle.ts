import { afterAll, expect, it } from "vitest";
import { BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { frame, type Loading, load, run, runPacket } from "./programs.ts";
import { type Pair, room, Twins } from "./twins.ts";

const PACKET_TYPES = ["socket_filter", "sched_cls", "sched_act", "xdp", "cgroup_skb"] as const;
const MAP_TYPES = [BpfMapType.HASH, BpfMapType.ARRAY, BpfMapType.PERCPU_HASH, BpfMapType.PERCPU_ARRAY];

/** r7 = data, r8 = data_end of the packet; r6 = context; r0 stays free. */
const PACKET = "r6 = r1\nr7 = *(u32 *)(r1 + 76)\nr8 = *(u32 *)(r1 + 80)\n";
const XDP_PACKET = "r6 = r1\nr7 = *(u32 *)(r1 + 0)\nr8 = *(u32 *)(r1 + 4)\n";
/** Leaves unless `bytes` of the packet are there. */
const within = (bytes: number) => `r9 = r7\nr9 += ${bytes}\nif r9 > r8 goto out\n`;
const OUT = "exit\nout: r0 = 0\nexit";

describeWith([liveKernel("6.18")], "programs as on Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  /** Loads, runs on a packet, closes. */
  const once = (
    type: string,
    text: string,
    loading: Loading = {},
    packet = frame(),
    context?: Uint8Array,
  ) => {
    const before = twins.differences.length;
    const program = load(twins, type, text, loading);
    runPacket(twins, program, packet, context);
    twins.close(program);
    if (twins.differences.length > before)
      twins.differences.push(`${type}:\n${text}\n${twins.differences.splice(before).join("\n")}`);
  };
  const check = () => expect(twins.taken()).toEqual([]);
  const map = (mapType: number, more: Record<string, number> = {}) =>
    twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize: 8, maxEntries: 4, ...more });
  const dump = (pair: Pair) =>
    twins.both("map", (side) => {
      const found: string[] = [];
      const mapFd = side.of(pair);
      for (let at: Uint8Array | null = null; ; ) {
        at = side.sys.mapGetNextKey({ mapFd, key: at, keySize: 4 });
        if (at === null) return found.sort();
        found.push(`${at.join(".")} = ${side.sys.mapLookupElem({ mapFd, key: at })?.join(".")}`);
      }
    });

  it("constants, of every type", () => {
    for (const type of PACKET_TYPES) once(type, "r0 = 1\nexit");
    const raw = load(twins, "raw_tracepoint", "r0 = 77\nexit");
    run(twins, raw);
    run(twins, raw, { ctxIn: new Uint8Array(16), ctxSizeIn: 16 });
    const sys = load(twins, "syscall", "r0 = 78\nexit", { fields: { progFlags: 16 } });
    run(twins, sys);
    run(twins, sys, { ctxIn: new Uint8Array(16), ctxSizeIn: 16 });
    check();
  });

  it("arithmetic", () => {
    for (const text of [
      "r0 = -1\nexit",
      "r0 = 0x1122334455667788 ll\nr0 >>= 16\nexit",
      "r0 = 7\nr1 = 0\nr0 /= r1\nexit",
      "r0 = 7\nr1 = 0\nr0 %= r1\nexit",
      "w0 = 7\nw1 = 0\nw0 /= w1\nexit",
      "w0 = -7\nw1 = 0\nw0 %= w1\nexit",
      "r0 = -7\nr1 = 2\nr0 s/= r1\nexit",
      "r0 = -7\nr1 = 0\nr0 s/= r1\nexit",
      "r0 = -7\nr1 = 0\nr0 s%= r1\nexit",
      "r0 = -7\nr1 = 2\nr0 s%= r1\nexit",
      "r0 = 1\nr0 <<= 63\nr1 = -1\nr0 s/= r1\nr0 >>= 32\nexit",
      "r0 = 1\nr0 <<= 63\nr1 = -1\nr0 s%= r1\nexit",
      "r1 = 200\nr0 = (s8)r1\nexit",
      "r1 = 0x12345678\nr0 = r1\nr0 = be32 r0\nexit",
      "r0 = 0x12345678\nr0 = bswap16 r0\nexit",
      "r0 = 5\nr1 = 33\nw0 <<= w1\nexit",
      "r0 = -5\nr0 s>>= 1\nexit",
      "w0 = -5\nw0 s>>= 1\nexit",
      "r0 = 5\nr0 = -r0\nexit",
      "r0 = 1\nr1 = 0xffffffff ll\nif w1 s< 0 goto +1\nr0 = 2\nexit",
      "r1 = 0x100000000 ll\nr0 = 1\nif w1 == 0 goto +1\nr0 = 2\nexit",
    ]) {
      once("sched_cls", text);
      once("xdp", text);
    }
    check();
  });

  it("division by zero at run time", () => {
    const value = map(BpfMapType.ARRAY, { maxEntries: 1 });
    for (const op of ["/=", "%=", "s/=", "s%="]) {
      for (const width of ["r", "w"]) {
        for (const dividend of ["-9", "9", "0x80000000"]) {
          const text = `r3 = %0[0]+0\nr2 = *(u64 *)(r3 + 0)\nr0 = ${dividend}\n${width}0 ${op} ${width}2\n*(u64 *)(r3 + 0) = r0\nexit`;
          for (const divisor of [0, 2, 255]) {
            twins.call("MAP_UPDATE_ELEM", {
              mapFd: value,
              key: new Uint8Array(4),
              value: new Uint8Array(8).fill(divisor === 255 ? 255 : 0).fill(divisor, 0, 1),
            });
            once("sched_cls", text, { maps: [value] });
            dump(value);
          }
        }
      }
    }
    twins.close(value);
    check();
  });

  it("packets, read and written", () => {
    for (const size of [14, 15, 34, 42, 64, 1000]) {
      const packet = frame(1000).subarray(0, size);
      for (const [type, head] of [
        ["sched_cls", PACKET],
        ["sched_act", PACKET],
        ["xdp", XDP_PACKET],
      ] as const) {
        once(type, `${head}r0 = r8\nr0 -= r7\nexit`, {}, packet);
        for (const at of [0, 12, 13, 30, 62]) {
          for (const width of [8, 16, 32, 64]) {
            once(type, `${head}${within(at + width / 8)}r0 = *(u${width} *)(r7 + ${at})\n${OUT}`, {}, packet);
            once(
              type,
              `${head}${within(at + width / 8)}r0 = *(s${Math.min(32, width)} *)(r7 + ${at})\n${OUT}`,
              {},
              packet,
            );
            once(
              type,
              `${head}${within(at + width / 8)}*(u${width} *)(r7 + ${at}) = 0x7a\nr0 = 1\n${OUT}`,
              {},
              packet,
            );
          }
        }
      }
      // Data for reading only.
      once(
        "cgroup_skb",
        `${PACKET}r0 = 0\nif r7 == r8 goto +1\nr0 = 1\nexit`,
        {},
        packet.length > 14 ? packet : frame(),
      );
      once(
        "cgroup_skb",
        `${PACKET}${within(20)}r0 = *(u8 *)(r7 + 9)\nr0 &= 1\n${OUT}`,
        {},
        packet.length > 14 ? packet : frame(),
      );
    }
    check();
  });

  it("frames of every kind and size", () => {
    for (const type of PACKET_TYPES) {
      const program = load(twins, type, "r0 = 1\nexit");
      for (const etherType of [0x0800, 0x86dd, 0x8100, 0x0806, 0, 0x05ff, 0x0600, 46]) {
        for (const size of [
          0, 1, 13, 14, 15, 16, 33, 34, 53, 54, 55, 60, 1500, 3000, 3391, 3392, 3393, 3457, 3776, 3777, 4096,
          5000, 70000,
        ]) {
          const packet = new Uint8Array(size).map((_, i) => (i * 7) & 0xff);
          packet.set([etherType >> 8, etherType & 0xff].slice(0, Math.max(0, size - 12)), Math.min(12, size));
          runPacket(twins, program, packet);
        }
      }
      twins.close(program);
    }
    // What the destination's address says of a packet, and what follows its length.
    const kind = load(
      twins,
      "sched_cls",
      "r0 = *(u32 *)(r1 + 4)\nr0 <<= 16\nr2 = *(u32 *)(r1 + 16)\nr0 |= r2\nexit",
    );
    for (const destination of [
      [0, 0, 0, 0, 0, 0],
      [255, 255, 255, 255, 255, 255],
      [1, 0, 0x5e, 0, 0, 1],
      [2, 0, 0, 0, 0, 0],
    ]) {
      for (const tail of [
        [0x08, 0x00],
        [0, 46, 0xff, 0xff],
        [0, 46, 0xaa, 0xaa],
        [0x88, 0xa8, 0, 1, 8, 0],
      ]) {
        const packet = frame();
        packet.set(destination, 0);
        packet.set(tail, 12);
        runPacket(twins, kind, packet);
      }
    }
    twins.close(kind);
    check();
  });

  it("LD_ABS and LD_IND", () => {
    for (const type of ["socket_filter", "sched_cls", "sched_act"]) {
      for (const width of [8, 16, 32]) {
        for (const at of [
          0,
          1,
          10,
          12,
          13,
          40,
          66,
          67,
          68,
          1000,
          -4096,
          -4095,
          -4000,
          -0x100000,
          -0x100000 + 9,
          -0x200000,
          -0x200000 + 2,
          -0x200000 + 60,
          -1,
        ]) {
          once(type, `r6 = r1\nr0 = *(u${width} *)skb[${at}]\nexit`);
          once(type, `r6 = r1\nr7 = 3\nr0 = *(u${width} *)skb[r7 + ${at}]\nexit`);
        }
      }
    }
    check();
  });

  it("LD_ABS at the kernel's own offsets", () => {
    // SKF_AD_OFF is for classic programs; here it is a negative offset like all others.
    for (let at = -0x1000; at < -0xfc0; at += 4)
      once("socket_filter", `r6 = r1\nr0 = *(u32 *)skb[${at}]\nexit`);
    check();
  });

  // Linux may go on another CPU in between, where a per-CPU value is another one: not every time.
  it("maps: look-up, update, delete", { retry: 3 }, () => {
    for (const type of MAP_TYPES) {
      const pair = map(type);
      const texts = [
        // A miss, or the zero of an array.
        "*(u32 *)(r10 - 4) = 1\nr1 = %0\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\nr0 = r1\n",
        "*(u32 *)(r10 - 4) = 99\nr1 = %0\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr0 = 5\n",
      ];
      for (const flags of [0, 1, 2, 3, 4, 8, 64]) {
        for (const at of [1, 2, 9]) {
          texts.push(
            `*(u32 *)(r10 - 4) = ${at}\n*(u64 *)(r10 - 16) = ${at * 1000 + flags}\nr1 = %0\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = ${flags}\ncall bpf_map_update_elem\n`,
          );
        }
      }
      texts.push(
        "*(u32 *)(r10 - 4) = 1\n*(u64 *)(r10 - 16) = 1\nr1 = %0\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0x100000000 ll\ncall bpf_map_update_elem\n",
      );
      for (const at of [1, 1, 77])
        texts.push(`*(u32 *)(r10 - 4) = ${at}\nr1 = %0\nr2 = r10\nr2 += -4\ncall bpf_map_delete_elem\n`);
      for (const text of [...texts, ...texts]) {
        for (const program of ["sched_cls", "xdp"]) {
          once(program, `${text}${text.includes("goto out") ? OUT : "exit"}`, { maps: [pair] });
        }
        // Which CPU ran it on Linux is not ours to choose.
        if (type === BpfMapType.HASH || type === BpfMapType.ARRAY) dump(pair);
      }
      twins.close(pair);
    }
    check();
  });

  it("values in place, atomics", () => {
    const value = map(BpfMapType.ARRAY, { maxEntries: 1, valueSize: 32 });
    const head =
      "r6 = %0[0]+8\nr7 = 0x1122334455667788 ll\n*(u64 *)(r6 + 0) = r7\n*(u64 *)(r6 + 8) = 3\nr1 = 0xff00000005 ll\nr0 = 0x55667788\n";
    for (const text of [
      "lock *(u64 *)(r6 + 0) += r1",
      "lock *(u32 *)(r6 + 0) += r1",
      "lock *(u64 *)(r6 + 0) |= r1",
      "lock *(u64 *)(r6 + 0) &= r1",
      "lock *(u32 *)(r6 + 4) ^= r1",
      "r1 = atomic_fetch_add((u64 *)(r6 + 0), r1)",
      "w1 = atomic_fetch_add((u32 *)(r6 + 0), w1)",
      "r1 = atomic_fetch_or((u64 *)(r6 + 0), r1)",
      "r1 = atomic_fetch_and((u64 *)(r6 + 0), r1)",
      "r1 = atomic_fetch_xor((u64 *)(r6 + 0), r1)",
      "r1 = xchg_64(r6 + 0, r1)",
      "w1 = xchg32_32(r6 + 0, w1)",
      "r0 = cmpxchg_64(r6 + 0, r0, r1)",
      "r0 = 3\nr0 = cmpxchg_64(r6 + 8, r0, r1)",
      "w0 = cmpxchg32_32(r6 + 0, w0, w1)",
      "r1 = load_acquire((u64 *)(r6 + 0))",
      "r1 = load_acquire((u16 *)(r6 + 0))",
      "store_release((u32 *)(r6 + 4), r1)",
    ]) {
      const tail = "\n*(u64 *)(r6 + 8) = r0\n*(u64 *)(r6 + 16) = r1\nr0 = 0\nexit";
      once("sched_cls", `${head}${text}${tail}`, { maps: [value] });
      dump(value);
    }
    twins.close(value);
    check();
  });

  it("functions", () => {
    once("sched_cls", "r1 = 5\ncall f\nr0 += 1\nexit\nf: r0 = r1\nr0 *= 3\nexit");
    once(
      "xdp",
      "r1 = 5\nr6 = 7\ncall f\nr0 += r6\nexit\nf: r6 = 100\ncall g\nr0 += r6\nexit\ng: r0 = 20\nexit",
    );
    once(
      "sched_cls",
      "*(u64 *)(r10 - 8) = 4\nr1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 - 8)\nexit\nf: r2 = *(u64 *)(r1 + 0)\nr2 += 9\n*(u64 *)(r1 + 0) = r2\n*(u64 *)(r10 - 8) = 1\nr0 = 0\nexit",
    );
    once(
      "xdp",
      `${XDP_PACKET}r1 = r6\ncall f\nexit\nf: r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr0 = r3\nr0 -= r2\nexit`,
    );
    check();
  });

  it("loops", () => {
    once("sched_cls", "r0 = 0\nr1 = 0\nagain: r0 += r1\nr1 += 1\nif r1 < 100 goto again\nexit");
    once("sched_cls", "r0 = 0\nr1 = 0\nagain: r0 += 1\nr1 += 3\nif w1 s<= 77 goto again\nexit");
    once("sched_cls", "r0 = 0\nagain: r0 += 1\nmay_goto done\ngoto again\ndone: r0 = 1\nexit");
    check();
  });

  it("helpers on packets", () => {
    const skb = (text: string) => {
      for (const type of ["sched_cls", "sched_act"]) once(type, text);
    };
    for (const [offset, length] of [
      [0, 8],
      [12, 2],
      [60, 8],
      [61, 8],
      [67, 1],
      [68, 1],
      [-1, 1],
      [0x10000, 4],
    ] as const) {
      const text = `r6 = r1\n*(u64 *)(r10 - 8) = -1\nr1 = r6\nr2 = ${offset}\nr3 = r10\nr3 += -8\nr4 = ${length}\ncall bpf_skb_load_bytes\nr1 = *(u64 *)(r10 - 8)\n`;
      skb(`${text}r0 += r1\nexit`);
      skb(`${text}exit`);
      once("socket_filter", `${text}r0 += r1\nexit`);
      once("cgroup_skb", `${text}r0 = 1\nexit`);
    }
    for (const flags of [0, 1, 2, 4]) {
      for (const offset of [0, 14, 64, 66, 68]) {
        skb(
          `r6 = r1\n*(u64 *)(r10 - 8) = 0x1234567\nr1 = r6\nr2 = ${offset}\nr3 = r10\nr3 += -8\nr4 = 4\nr5 = ${flags}\ncall bpf_skb_store_bytes\nexit`,
        );
      }
    }
    for (const delta of [0, 4, -4, -14, 14, 64, -256, -300, -224, 60, 54, 55]) {
      once(
        "xdp",
        `r6 = r1\nr2 = ${delta}\ncall bpf_xdp_adjust_head\nr7 = *(u32 *)(r6 + 0)\nr8 = *(u32 *)(r6 + 4)\nr8 -= r7\nr0 += r8\nexit`,
      );
      once(
        "xdp",
        `r6 = r1\nr2 = ${delta}\ncall bpf_xdp_adjust_head\nr7 = *(u32 *)(r6 + 0)\nr8 = *(u32 *)(r6 + 4)\n${within(2)}*(u16 *)(r7 + 0) = 0x4142\nr0 = 1\n${OUT}`,
      );
    }
    check();
  });

  it("bpf_csum_diff", () => {
    const head = "*(u64 *)(r10 - 8) = 0x12345678\n*(u64 *)(r10 - 16) = -2\n*(u64 *)(r10 - 24) = 0x7fffff\n";
    for (const [from, to] of [
      [0, 0],
      [0, 8],
      [8, 0],
      [8, 8],
      [16, 4],
      [4, 24],
      [24, 24],
    ] as const) {
      for (const seed of [0, 1, -1, 0x1234]) {
        const one = from === 0 ? "r1 = 0" : `r1 = r10\nr1 += -${from}`;
        const two = to === 0 ? "r3 = 0" : `r3 = r10\nr3 += -${to}`;
        once(
          "sched_cls",
          `${head}${one}\nr2 = ${from}\n${two}\nr4 = ${to}\nr5 = ${seed}\ncall bpf_csum_diff\nexit`,
        );
        once(
          "xdp",
          `${head}${one}\nr2 = ${from}\n${two}\nr4 = ${to}\nr5 = ${seed}\ncall bpf_csum_diff\nexit`,
        );
      }
    }
    // Sizes that are no multiple of four.
    for (const size of [1, 2, 3, 5, 6, 7])
      once(
        "sched_cls",
        `${head}r1 = r10\nr1 += -8\nr2 = ${size}\nr3 = 0\nr4 = 0\nr5 = 9\ncall bpf_csum_diff\nexit`,
      );
    once("sched_cls", `${head}r1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = 6\nr5 = 0\ncall bpf_csum_diff\nexit`);
    check();
  });

  it("helpers that only the kernel can answer", () => {
    once("sched_cls", "call bpf_get_smp_processor_id\nr1 = r0\nr0 = 0\nif r1 < 64 goto +1\nr0 = 1\nexit");
    once(
      "sched_cls",
      "call bpf_ktime_get_ns\nr6 = r0\ncall bpf_ktime_get_ns\nr0 -= r6\nr1 = r0\nr0 = 0\nif r1 s>= 0 goto +1\nr0 = 1\nexit",
    );
    once("sched_cls", "call bpf_get_prandom_u32\nr0 >>= 32\nexit");
    once(
      "sched_cls",
      "r1 = 0x0a6968 ll\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 4\ncall bpf_trace_printk\nexit",
    );
    check();
  });

  it("raw tracepoints and system calls: contexts", () => {
    for (const offset of [0, 8, 40, 88]) {
      const raw = load(twins, "raw_tracepoint", `r0 = *(u64 *)(r1 + ${offset})\nexit`);
      for (const size of [0, 8, 16, offset, offset + 8, 96, 97, 104])
        run(twins, raw, { ctxIn: size === 0 ? 0 : new Uint8Array(size).map((_, i) => i), ctxSizeIn: size });
      twins.close(raw);
    }
    for (const offset of [0, 8, 60, 1000]) {
      for (const text of [
        `r0 = *(u32 *)(r1 + ${offset})\nexit`,
        `*(u32 *)(r1 + ${offset}) = 0x1234\nr0 = -5\nexit`,
      ]) {
        const program = load(twins, "syscall", text, { fields: { progFlags: 16 } });
        for (const size of [0, 4, offset, offset + 4, 4096, 65535, 65536])
          run(twins, program, {
            ctxIn: size === 0 ? 0 : new Uint8Array(size).map((_, i) => i),
            ctxSizeIn: size,
          });
        twins.close(program);
      }
    }
    check();
  });

  it("metadata in front of a packet", () => {
    const text = `r6 = r1\nr7 = *(u32 *)(r1 + 8)\nr8 = *(u32 *)(r1 + 0)\n${within(4)}r0 = *(u32 *)(r7 + 0)\n*(u32 *)(r7 + 0) = 0x77\n${OUT}`;
    const program = load(twins, "xdp", text);
    for (const [data, end] of [
      [0, 68],
      [4, 68],
      [8, 68],
      [252, 68],
      [32, 68],
      [6, 68],
      [8, 60],
      [8, 8],
      [8, 22],
      [8, 21],
      [8, 69],
      [68, 68],
      [256, 300],
      [54, 68],
    ]) {
      const context = new Uint8Array(24);
      new DataView(context.buffer).setUint32(0, data!, true);
      new DataView(context.buffer).setUint32(4, end!, true);
      runPacket(twins, program, frame(), context);
    }
    twins.close(program);
    void room;
    check();
  });
});
