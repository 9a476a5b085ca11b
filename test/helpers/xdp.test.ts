import { beforeEach, describe, expect, it } from "vitest";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

const HEADROOM = 256;
const LENGTH = 64;
const FRAME = 4096;

let bench: HelperBench;
let xdp: number;
let frame: number;
beforeEach(() => {
  bench = new HelperBench();
  frame = bench.memory.alloc(FRAME, 4096);
  xdp = bench.memory.alloc(bench.layout.sizeOf("xdp_buff"));
  const set = (member: string, value: number) => bench.set32("xdp_buff", xdp, member, value);
  set("data_hard_start", frame);
  set("data", frame + HEADROOM);
  set("data_meta", frame + HEADROOM);
  set("data_end", frame + HEADROOM + LENGTH);
  set("frame_sz", FRAME);
  bench.memory.bytes().fill(0xaa, frame, frame + FRAME);
});

const at = (member: string) => bench.get32("xdp_buff", xdp, member) - frame;
const adjust = (which: "head" | "meta" | "tail", by: number) =>
  bench.invoke(BpfFuncId[`xdp_adjust_${which}`], xdp, by);

describe("bpf_xdp_adjust_head", () => {
  it("moves the start both ways, with the metadata pointer", () => {
    expect(adjust("head", -20)).toBe(0);
    expect([at("data"), at("data_meta")]).toEqual([HEADROOM - 20, HEADROOM - 20]);
    expect(adjust("head", 70)).toBe(0);
    expect(at("data")).toBe(HEADROOM + 50);
  });

  it("leaves an Ethernet header, and the frame's own", () => {
    expect(adjust("head", LENGTH - 14)).toBe(0);
    expect(adjust("head", 1)).toBe(-Errno.EINVAL);
    expect(adjust("head", -(LENGTH - 14) - (HEADROOM - 40))).toBe(0);
    expect(at("data")).toBe(40);
    expect(adjust("head", -1)).toBe(-Errno.EINVAL);
  });

  it("takes metadata along", () => {
    adjust("meta", -8);
    bench.memory.bytes().set([1, 2, 3, 4, 5, 6, 7, 8], frame + HEADROOM - 8);
    expect(adjust("head", -16)).toBe(0);
    expect(at("data_meta")).toBe(HEADROOM - 24);
    expect([...bench.get(frame + HEADROOM - 24, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(adjust("head", -(HEADROOM - 16 - 40 - 8))).toBe(0);
    expect(adjust("head", -1)).toBe(-Errno.EINVAL);
  });
});

describe("bpf_xdp_adjust_meta", () => {
  it("grows in words up to what the shared info can say", () => {
    bench.set32("xdp_buff", xdp, "data", frame + 600);
    bench.set32("xdp_buff", xdp, "data_meta", frame + 600);
    bench.set32("xdp_buff", xdp, "data_end", frame + 700);
    expect(adjust("meta", -3)).toBe(-Errno.EACCES);
    expect(adjust("meta", -256)).toBe(-Errno.EACCES);
    expect(adjust("meta", -252)).toBe(0);
    expect(adjust("meta", 252)).toBe(0);
    expect(adjust("meta", 4)).toBe(-Errno.EINVAL);
  });

  it("stays behind the frame's header", () => {
    bench.set32("xdp_buff", xdp, "data", frame + 42);
    bench.set32("xdp_buff", xdp, "data_meta", frame + 42);
    expect(adjust("meta", -4)).toBe(-Errno.EINVAL);
  });

  it("is not there where the driver has none", () => {
    bench.set32("xdp_buff", xdp, "data_meta", frame + HEADROOM + 1);
    expect(adjust("meta", -4)).toBe(-524);
  });
});

describe("bpf_xdp_adjust_tail", () => {
  it("shrinks to an Ethernet header", () => {
    expect(adjust("tail", -(LENGTH - 14))).toBe(0);
    expect(at("data_end")).toBe(HEADROOM + 14);
    expect(adjust("tail", -1)).toBe(-Errno.EINVAL);
  });

  it("grows to the shared info, with zeros", () => {
    const room = FRAME - 320 - HEADROOM - LENGTH;
    expect(adjust("tail", room + 1)).toBe(-Errno.EINVAL);
    expect(adjust("tail", room)).toBe(0);
    expect(bench.get(frame + HEADROOM + LENGTH, room).every((byte) => byte === 0)).toBe(true);
    expect(bench.get(frame + FRAME - 320, 1)[0]).toBe(0xaa);
  });
});
