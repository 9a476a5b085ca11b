import { assemble } from "../../src/asm/index.ts";
import { utf8 } from "../../src/base/index.ts";
import { encode } from "../../src/isa/index.ts";
import { programTypeNamed } from "../../src/platform/index.ts";
import { helperName } from "../../src/uapi/index.ts";
import { sampleBtf } from "./samples.ts";
import {
  type CallOptions,
  type Fields,
  type FieldValue,
  type Outcome,
  type Pair,
  room,
  type Side,
  type Twins,
} from "./twins.ts";

const HELPER_IDS = new Map<string, number>();
for (let id = 1; helperName(id) !== undefined; id++) HELPER_IDS.set(`bpf_${helperName(id)}`, id);

/** Code in the kernel's own syntax; `%0`, `%1` … are the descriptors of `maps`. */
export function code(text: string, maps: readonly Pair[] = []): (side: Side) => Uint8Array {
  return (side) => {
    const numbered = text.replaceAll(/%(\d+)/g, (_, index) => `map[id:${side.of(maps[Number(index)]!)}]`);
    return encode(assemble(numbered, { helperId: (name) => HELPER_IDS.get(name) }).insns);
  };
}

export interface Loading extends CallOptions {
  readonly maps?: readonly Pair[];
  readonly license?: string;
  readonly fields?: Fields;
}

/** The arguments of PROG_LOAD for a program in text. */
export function loadFields(type: string, text: string, loading: Loading = {}): Fields {
  const insns = code(text, loading.maps);
  const insnCnt = insns(SIZED).length / 8;
  const attach = type === "cgroup_skb" ? { expectedAttachType: 0 } : {};
  return {
    progType: programTypeNamed(type)!.type,
    insns,
    insnCnt,
    license: utf8(`${loading.license ?? "GPL"}\0`),
    ...attach,
    ...loading.fields,
  };
}

/** A side whose descriptors are all 1: to count instructions. */
const SIZED = { of: () => 1 } as unknown as Side;

/** Loads a program on both kernels. Throws with Linux's log where Linux refuses it. */
export function load(twins: Twins, type: string, text: string, loading: Loading = {}): Pair {
  const fields = loadFields(type, text, loading);
  const program = twins.open("PROG_LOAD", fields, { ignore: ["insns", "logTrueSize"], ...loading });
  if (program !== null) return program;
  const logs = twins.sides.map((side) => {
    const fd = logOf(side, fields);
    return `${side.name}: ${fd}`;
  });
  throw new Error(`${type}: ${text}\n${logs.join("\n")}`);
}

function logOf(side: Side, fields: Fields): string {
  try {
    const insns = (fields["insns"] as (side: Side) => Uint8Array)(side);
    const { fd } = side.sys.progLoad({
      progType: fields["progType"] as number,
      insns,
      license: "GPL",
      expectedAttachType: (fields["expectedAttachType"] as number | undefined) ?? 0,
      attachBtfId: (fields["attachBtfId"] as number | undefined) ?? 0,
      progFlags: (fields["progFlags"] as number | undefined) ?? 0,
    });
    side.sys.close(fd);
    return "loads";
  } catch (error) {
    return `${String(error)}\n${(error as { log?: string }).log ?? ""}`;
  }
}

/** One test run on both. The time it takes is nobody's business. */
export function run(
  twins: Twins,
  progFd: Pair,
  fields: Readonly<Record<string, FieldValue>> = {},
  options: CallOptions = {},
): Outcome {
  return twins.call(
    "PROG_TEST_RUN",
    { progFd, ...fields },
    { ...options, ignore: ["duration", ...(options.ignore ?? [])] },
  );
}

/** A run of a packet program with room for everything that comes out. */
export function runPacket(twins: Twins, progFd: Pair, packet: Uint8Array, context?: Uint8Array): Outcome {
  const out = room(packet.length + 512);
  return run(twins, progFd, {
    dataIn: packet,
    dataSizeIn: packet.length,
    dataOut: out,
    dataSizeOut: out.length,
    ...(context === undefined
      ? {}
      : { ctxIn: context, ctxSizeIn: context.length, ctxOut: room(256), ctxSizeOut: 256 }),
  });
}

/** An Ethernet frame with an IPv4 UDP packet of `payload` bytes. */
export function frame(payload = 26): Uint8Array {
  const bytes = new Uint8Array(42 + payload).map((_, i) => (i * 13 + 5) & 0xff);
  bytes.set([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00]);
  bytes.set([0x45, 0, 0, 28 + payload, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  bytes.set([0x12, 0x34, 0x00, 0x35, 0, 8 + payload, 0, 0], 34);
  return bytes;
}

/** Debug records of a program: where functions begin and of which types they are, and where lines begin. */
export function debugFields(
  btf: Pair,
  functions: readonly (readonly [slot: number, type: number])[],
  lines: readonly (readonly [slot: number, file: number, text: number, lineCol: number])[] = [],
): Fields {
  const records = (rows: readonly (readonly number[])[]) =>
    new Uint8Array(Uint32Array.from(rows.flat()).buffer);
  return {
    progBtfFd: btf,
    ...(functions.length === 0
      ? {}
      : { funcInfo: records(functions), funcInfoCnt: functions.length, funcInfoRecSize: 8 }),
    ...(lines.length === 0
      ? {}
      : { lineInfo: records(lines), lineInfoCnt: lines.length, lineInfoRecSize: 16 }),
  };
}

/** Loads {@link sampleBtf} on both. */
export function loadSample(twins: Twins): { readonly btf: Pair } & ReturnType<typeof sampleBtf> {
  const sample = sampleBtf();
  const btf = twins.mustOpen("BTF_LOAD", { btf: sample.bytes, btfSize: sample.bytes.length });
  return { ...sample, btf };
}
