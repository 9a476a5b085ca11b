import { utf8 } from "../../base/index.ts";
import { encode } from "../../isa/index.ts";
import { decodeStruct, type StructInput, writeStruct } from "../../sys/index.ts";
import { bpfBtfInfo, bpfMapInfo, bpfProgInfo, Errno, type Layout } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { KernelBtf } from "../objects/btf.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;

/** `bpf_obj_get_info_by_fd`. */
export function objGetInfoByFd(process: Process, attr: Attr): number {
  const { bpfFd, infoLen, info } = attr.fields("OBJ_GET_INFO_BY_FD");
  const { object } = process.files.get(bpfFd);
  const write = (layout: Layout, values: Readonly<Record<string, number | bigint | Uint8Array>>) => {
    const length = Math.min(infoLen, layout.size);
    const bytes = new Uint8Array(layout.size);
    bytes.set(process.read(info, length));
    writeStruct(layout, bytes, values as StructInput<Layout>);
    process.write(info, bytes.subarray(0, length));
    attr.put("OBJ_GET_INFO_BY_FD", "infoLen", length);
    return 0;
  };
  // E2BIG where the caller's struct is longer than ours and says something there.
  const request = (layout: Layout) => {
    const given = process.read(info, infoLen);
    if (given.subarray(layout.size).some((byte) => byte !== 0)) refuse(Errno.E2BIG);
    return given.slice(0, layout.size);
  };
  switch (object.kind) {
    case "map":
      request(bpfMapInfo);
      return write(bpfMapInfo, describeMap(object as KernelMap));
    case "btf":
      return write(bpfBtfInfo, describeBtf(process, object as KernelBtf, request(bpfBtfInfo)));
    case "prog":
      return write(bpfProgInfo, describeProgram(process, object as KernelProgram, request(bpfProgInfo)));
    default:
      return refuse(Errno.EINVAL);
  }
}

/** `bpf_map_get_info_by_fd`. */
function describeMap(map: KernelMap) {
  const { parts } = map;
  return {
    type: map.type,
    id: map.id,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: parts.maxEntries,
    mapFlags: parts.flags,
    mapExtra: parts.extra,
    name: utf8(parts.name),
    btfId: parts.btf?.id ?? 0,
    btfKeyTypeId: parts.keyTypeId,
    btfValueTypeId: parts.valueTypeId,
  };
}

/** `btf_get_info_by_fd`: as much of the data and the name as the caller's buffers hold. */
function describeBtf(process: Process, btf: KernelBtf, request: Uint8Array) {
  const asked = decodeStruct(bpfBtfInfo, request);
  const name = utf8(btf.name);
  if ((asked.name === 0n) !== (asked.nameLen === 0)) refuse(Errno.EINVAL);
  if (asked.btf !== 0n)
    process.write(asked.btf, btf.bytes.subarray(0, Math.min(asked.btfSize, btf.bytes.length)));
  if (asked.name !== 0n) {
    const room = new Uint8Array(Math.min(asked.nameLen, name.length + 1));
    room.set(name.subarray(0, Math.max(0, room.length - 1)));
    process.write(asked.name, room);
    if (asked.nameLen < name.length + 1) refuse(Errno.ENOSPC);
  }
  return {
    btfSize: btf.bytes.length,
    id: btf.id,
    nameLen: name.length,
    kernelBtf: btf.kernelBtf ? 1 : 0,
  };
}

/**
 * `bpf_prog_get_info_by_fd`. For each array the caller gives a buffer and how many elements fit; the kernel fills as
 * many and says how many there are.
 */
function describeProgram(process: Process, program: KernelProgram, request: Uint8Array) {
  const { parts } = program;
  const asked = decodeStruct(bpfProgInfo, request);
  const xlated = parts.xlated();
  const code = encode(xlated.insns);
  const give = (address: bigint, room: number, data: Uint8Array, record: number) => {
    if (address !== 0n) process.write(address, data.subarray(0, Math.min(room * record, data.length)));
  };
  give(asked.xlatedProgInsns, asked.xlatedProgLen, code, 1);
  const mapIds = Uint32Array.from(program.maps, (map) => map.id);
  give(asked.mapIds, asked.nrMapIds, new Uint8Array(mapIds.buffer), 4);
  // Records come in the caller's size where it is the kernel's, as for every kernel so far.
  const funcs = records(xlated.funcInfo.map(({ slot, typeId }) => [slot, typeId]));
  if (asked.funcInfoRecSize === FUNC_INFO_SIZE) give(asked.funcInfo, asked.nrFuncInfo, funcs, FUNC_INFO_SIZE);
  const lines = records(
    xlated.lineInfo.map(({ slot, fileNameOff, lineOff, lineCol }) => [slot, fileNameOff, lineOff, lineCol]),
  );
  if (asked.lineInfoRecSize === LINE_INFO_SIZE) give(asked.lineInfo, asked.nrLineInfo, lines, LINE_INFO_SIZE);
  return {
    type: parts.type,
    id: program.id,
    tag: parts.tag,
    xlatedProgLen: code.length,
    loadTime: parts.loadTime,
    createdByUid: parts.uid,
    nrMapIds: mapIds.length,
    name: utf8(parts.name),
    gplCompatible: parts.gplCompatible ? 1 : 0,
    btfId: parts.btf?.id ?? 0,
    funcInfoRecSize: FUNC_INFO_SIZE,
    nrFuncInfo: xlated.funcInfo.length,
    lineInfoRecSize: LINE_INFO_SIZE,
    nrLineInfo: xlated.lineInfo.length,
    nrProgTags: xlated.functions.length > 1 ? xlated.functions.length : 1,
    runTimeNs: 0n,
    runCnt: 0n,
    verifiedInsns: parts.verifiedInsns,
  };
}

function records(rows: readonly (readonly number[])[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(rows.flat()).buffer);
}
