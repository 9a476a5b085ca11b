import { cString } from "../base/index.ts";
import { BpfMapType, bpfBtfInfo, bpfMapInfo, bpfProgInfo } from "../uapi/index.ts";
import { Loans } from "./loans.ts";
import type { Port } from "./port.ts";
import { decodeStruct, encodeStruct, type StructInput, type StructValues } from "./struct.ts";

/** What a kernel that can be asked looks like here: `BpfCommands`. */
interface InfoSource {
  readonly port: Port;
  objGetInfoByFd(args: { readonly bpfFd: number; readonly info: Uint8Array }): number;
}

/** `struct bpf_map_info`, with its name as text. */
export interface MapInfo extends Omit<StructValues<typeof bpfMapInfo>, "name"> {
  readonly name: string;
  readonly perCpu: boolean;
}

/** `struct bpf_btf_info`, with its data. */
export interface BtfInfo {
  readonly id: number;
  /** Empty for what a process loaded. */
  readonly name: string;
  readonly kernelBtf: boolean;
  readonly btf: Uint8Array;
}

/** `struct bpf_prog_info`, with the arrays it points to. Which arrays are asked for is the caller's choice. */
export interface ProgInfo extends Omit<StructValues<typeof bpfProgInfo>, "name" | ProgArray> {
  readonly name: string;
  readonly xlatedProgInsns: Uint8Array;
  readonly jitedProgInsns: Uint8Array;
  readonly mapIds: Uint32Array;
  readonly funcInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
  readonly jitedKsyms: BigUint64Array;
  readonly jitedFuncLens: Uint32Array;
  readonly jitedLineInfo: Uint8Array;
  readonly progTags: Uint8Array;
}

type ProgArray =
  | "xlatedProgInsns"
  | "jitedProgInsns"
  | "mapIds"
  | "funcInfo"
  | "lineInfo"
  | "jitedKsyms"
  | "jitedFuncLens"
  | "jitedLineInfo"
  | "progTags";

const PER_CPU: ReadonlySet<number> = new Set([
  BpfMapType.PERCPU_HASH,
  BpfMapType.PERCPU_ARRAY,
  BpfMapType.LRU_PERCPU_HASH,
  BpfMapType.PERCPU_CGROUP_STORAGE,
]);

/** What the kernel says of a map (BPF_OBJ_GET_INFO_BY_FD). */
export function mapInfo(sys: InfoSource, fd: number): MapInfo {
  const info = new Uint8Array(bpfMapInfo.size);
  const length = sys.objGetInfoByFd({ bpfFd: fd, info });
  const values = decodeStruct(bpfMapInfo, info.subarray(0, length));
  return { ...values, name: cString(values.name), perCpu: PER_CPU.has(values.type) };
}

/** What the kernel says of a BTF, with its data. */
export function btfInfo(sys: InfoSource, fd: number): BtfInfo {
  const ask = (btf: Uint8Array, name: Uint8Array) => {
    using loans = new Loans(sys.port.memory);
    const info = encodeStruct(bpfBtfInfo, {
      btf: loans.lend(btf),
      btfSize: btf.length,
      name: loans.lend(name),
      nameLen: name.length,
    });
    sys.objGetInfoByFd({ bpfFd: fd, info });
    return decodeStruct(bpfBtfInfo, info);
  };
  const name = new Uint8Array(64);
  const sizes = ask(new Uint8Array(0), name);
  const btf = new Uint8Array(sizes.btfSize);
  ask(btf, new Uint8Array(0));
  return { id: sizes.id, name: cString(name), kernelBtf: sizes.kernelBtf !== 0, btf };
}

/** Bytes of one element of each array, 0 where the kernel's own record size tells. */
const ARRAYS: readonly {
  readonly data: ProgArray;
  readonly count: keyof StructValues<typeof bpfProgInfo>;
  readonly size: number | keyof StructValues<typeof bpfProgInfo>;
}[] = [
  { data: "xlatedProgInsns", count: "xlatedProgLen", size: 1 },
  { data: "jitedProgInsns", count: "jitedProgLen", size: 1 },
  { data: "mapIds", count: "nrMapIds", size: 4 },
  { data: "funcInfo", count: "nrFuncInfo", size: "funcInfoRecSize" },
  { data: "lineInfo", count: "nrLineInfo", size: "lineInfoRecSize" },
  { data: "jitedKsyms", count: "nrJitedKsyms", size: 8 },
  { data: "jitedFuncLens", count: "nrJitedFuncLens", size: 4 },
  { data: "jitedLineInfo", count: "nrJitedLineInfo", size: "jitedLineInfoRecSize" },
  { data: "progTags", count: "nrProgTags", size: 8 },
];

/** What the kernel says of a program, with those of its arrays that are asked for; the others come empty. */
export function progInfo(sys: InfoSource, fd: number, arrays: readonly ProgArray[] = []): ProgInfo {
  const probe = new Uint8Array(bpfProgInfo.size);
  sys.objGetInfoByFd({ bpfFd: fd, info: probe });
  const sizes = decodeStruct(bpfProgInfo, probe);
  const buffers = new Map<ProgArray, Uint8Array>();
  const request: Record<string, number | bigint> = {};
  using loans = new Loans(sys.port.memory);
  for (const { data, count, size } of ARRAYS) {
    const elements = arrays.includes(data) ? Number(sizes[count]) : 0;
    const record = typeof size === "number" ? size : Number(sizes[size]);
    const buffer = new Uint8Array(elements * record);
    buffers.set(data, buffer);
    if (elements === 0) continue;
    request[data] = loans.lend(buffer);
    request[count] = elements;
    if (typeof size === "string") request[size] = record;
  }
  const info = encodeStruct(bpfProgInfo, request as StructInput<typeof bpfProgInfo>);
  sys.objGetInfoByFd({ bpfFd: fd, info });
  const values = decodeStruct(bpfProgInfo, info);
  const bytes = (data: ProgArray) => buffers.get(data)!;
  const words = (data: ProgArray) => new Uint32Array(bytes(data).buffer);
  return {
    ...values,
    name: cString(values.name),
    xlatedProgInsns: bytes("xlatedProgInsns"),
    jitedProgInsns: bytes("jitedProgInsns"),
    mapIds: words("mapIds"),
    funcInfo: bytes("funcInfo"),
    lineInfo: bytes("lineInfo"),
    jitedKsyms: new BigUint64Array(bytes("jitedKsyms").buffer),
    jitedFuncLens: words("jitedFuncLens"),
    jitedLineInfo: bytes("jitedLineInfo"),
    progTags: bytes("progTags"),
  };
}
