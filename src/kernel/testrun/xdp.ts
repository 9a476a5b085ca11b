import { FRAGMENT_OFFSET, XDP_HAS_FRAGMENTS } from "../../helpers/index.ts";
import { decodeStruct, type StructValues, writeStruct } from "../../sys/index.ts";
import { BpfAttachType, BpfTestRunFlag, Errno, xdpMd } from "../../uapi/index.ts";
import type { Machine } from "../machine.ts";
import type { Device } from "../net/device.ts";
import type { PacketPlace } from "../net/lay-skb.ts";
import { layXdp, XDP_HEADROOM } from "../net/lay-xdp.ts";
import { LOOPBACK_IFINDEX } from "../net/loopback.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Parts } from "../parts.ts";
import { refuse } from "../refusal.ts";
import { contextIn, finish, finishContext, runRepeated, type TestRun } from "./run.ts";

const PAGE = 4096;
const ETH_HLEN = 14;
const META_MAX = 252;
/** `MAX_SKB_FRAGS` */
const MAX_FRAGMENTS = 17;

/** Programs of maps of devices and of CPUs have no test run, nor have those that are bound to a device. EINVAL. */
export function checkTestXdp({ parts }: KernelProgram): void {
  const { expectedAttachType, device } = parts;
  const inMap =
    expectedAttachType === BpfAttachType.XDP_DEVMAP || expectedAttachType === BpfAttachType.XDP_CPUMAP;
  if (inMap || device !== null) refuse(Errno.EINVAL);
}

/** `bpf_prog_test_run_xdp`. */
export function* testRunXdp(run: TestRun): Parts<number> {
  const { args, machine, process, program } = run;
  checkTestXdp(program);
  if ((args.flags & ~BpfTestRunFlag.XDP_LIVE_FRAMES) !== 0) refuse(Errno.EINVAL);
  // Live frames would be sent: there is nowhere to.
  if (args.flags !== 0) refuse(Errno.EOPNOTSUPP);
  if (args.batchSize !== 0) refuse(Errno.EINVAL);
  const bytes = contextIn(run, xdpMd.size);
  const context = bytes === null ? null : decodeStruct(xdpMd, bytes);
  // bpf_test_init looks at the size before it copies.
  if (args.dataSizeIn < ETH_HLEN) refuse(Errno.EINVAL);
  const data = process.read(args.dataIn, args.dataSizeIn);
  const fragments = layTestXdp(machine, data, context, machine.loopback);
  using _fragments = layFragments(machine, fragments);
  return yield* runOnFrame(run, bytes, context);
}

/** Runs the program on the frame that is laid out, and gives all back. */
function* runOnFrame(
  run: TestRun,
  bytes: Uint8Array | null,
  context: StructValues<typeof xdpMd> | null,
): Parts<number> {
  const { packets, memory } = run.machine;
  const { xdp: buff } = packets;
  const result = yield* runRepeated(run, buff.offset);

  const fragments = fragmentsOf(run.machine);
  const start = buff.pointer("data_meta");
  const end = buff.pointer("data_end");
  if (context !== null && bytes !== null) {
    writeStruct(xdpMd, bytes, { data: buff.pointer("data") - start, dataEnd: end - start });
  }
  const length = end - start + fragments.length;
  const packet = {
    length,
    bytes: () => {
      const whole = new Uint8Array(length);
      whole.set(memory.bytes().subarray(start, end));
      whole.set(fragments, end - start);
      return whole;
    },
  };
  const answer = finish(run, packet, result, fragments.length);
  return answer !== 0 ? answer : finishContext(run, bytes);
}

/**
 * Lays a packet and its `xdp_buff` out as test runs do. EINVAL, ENODEV, ENOMEM.
 *
 * @returns what does not fit into the page: it would be in fragments, which programs see only through helpers.
 */
export function layTestXdp(
  place: PacketPlace,
  data: Uint8Array,
  context: StructValues<typeof xdpMd> | null,
  device: Device,
): Uint8Array {
  let headroom = XDP_HEADROOM;
  let meta = 0;
  let wanted = data.length;
  if (context !== null) {
    // Nothing may come before the metadata, which takes its room from in front of the packet.
    if (context.dataMeta !== 0 || context.dataEnd > data.length || context.data > context.dataEnd) {
      refuse(Errno.EINVAL);
    }
    if (context.data % 4 !== 0 || context.data > META_MAX) refuse(Errno.EINVAL);
    headroom -= context.data;
    meta = context.data;
    wanted = context.dataEnd;
  }
  const linear = Math.min(wanted, place.packets.room - headroom);
  if (data.length - meta < ETH_HLEN) refuse(Errno.EINVAL);
  if (context !== null) {
    if (context.egressIfindex !== 0) refuse(Errno.EINVAL);
    if (context.ingressIfindex === 0 && context.rxQueueIndex !== 0) refuse(Errno.EINVAL);
    if (context.ingressIfindex !== 0 && context.ingressIfindex !== LOOPBACK_IFINDEX) refuse(Errno.ENODEV);
    if (context.rxQueueIndex !== 0) refuse(Errno.EINVAL);
  }
  const fragments = data.slice(linear);
  if (fragments.length > MAX_FRAGMENTS * PAGE) refuse(Errno.ENOMEM);
  layXdp(place, data.subarray(0, linear), { headroom, meta, queue: device.queue });
  return fragments;
}

/** What is in fragments, as the program left it. */
function fragmentsOf({ packets, memory }: Machine): Uint8Array {
  const { xdp, frameInfo } = packets;
  if ((xdp.get("flags") & XDP_HAS_FRAGMENTS) === 0) return new Uint8Array(0);
  // Behind what was pulled out of them.
  const gone = memory.view().getUint32(frameInfo.at("frags") + FRAGMENT_OFFSET, true);
  const at = frameInfo.pointer("frags") + gone;
  return memory.bytes().slice(at, at + frameInfo.get("xdp_frags_size"));
}

/** Has bytes lie in fragments of a page each, one behind the other, until it is disposed of; null where there are none. */
function layFragments(machine: Machine, bytes: Uint8Array): Disposable | null {
  if (bytes.length === 0) return null;
  const pages = Math.ceil(bytes.length / PAGE);
  const region = machine.region(pages * PAGE, "packet fragments");
  machine.memory.bytes().set(bytes, region.offset);
  const { xdp, frameInfo } = machine.packets;
  frameInfo.clear();
  frameInfo.set("nr_frags", pages);
  frameInfo.set("xdp_frags_size", bytes.length);
  frameInfo.pointElement("frags", 0, region.offset);
  xdp.set("flags", XDP_HAS_FRAGMENTS);
  return region;
}
