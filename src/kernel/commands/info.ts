import { utf8 } from "../../base/index.ts";
import { CallKind, encode, type Insn, lookup, rowNamed } from "../../isa/index.ts";
import { PAGE_SIZE } from "../../mem/index.ts";
import { decodeStruct, type StructInput, type StructValues, writeStruct } from "../../sys/index.ts";
import {
  BpfMapType,
  bpfBtfInfo,
  bpfLinkInfo,
  bpfMapInfo,
  bpfProgInfo,
  Errno,
  type Layout,
} from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { KernelLink } from "../links/link.ts";
import type { KernelBtf } from "../objects/btf.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram, Xlated } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { sha256 } from "../sha256.ts";
import { programTag } from "../tag.ts";
import { describeLink } from "./link-info.ts";
import { writeText } from "./write-text.ts";

const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;
const JITED_LINE_SIZE = 8;
/** `BPF_TAG_SIZE` */
const TAG_SIZE = 8;
/** `SHA256_DIGEST_SIZE` */
const DIGEST_SIZE = 32;
/** Of helpers, of the program's own functions and of the kernel's. */
const CALL = rowNamed("call_helper").opcode;

/** `bpf_obj_get_info_by_fd`. */
export function objGetInfoByFd(process: Process, attr: Attr): number {
  const { bpfFd, infoLen, info } = attr.fields("OBJ_GET_INFO_BY_FD");
  const { object, showsAddresses } =
    process.files.find(bpfFd) ?? refuse(bpfFd > 2 ? Errno.EBADFD : Errno.EINVAL);
  const run = (layout: Layout, describe: (request: Uint8Array) => InfoValues) => {
    // Padding at the end is not known either.
    const known = layout.fields.reduce((end, { offset, size }) => Math.max(end, offset + size), 0);
    // bpf_check_uarg_tail_zero: what the kernel does not know has to be zero.
    if (infoLen > PAGE_SIZE) refuse(Errno.E2BIG);
    if (
      infoLen > known &&
      process
        .read(info, infoLen)
        .subarray(known)
        .some((byte) => byte !== 0)
    ) {
      refuse(Errno.E2BIG);
    }
    const length = Math.min(infoLen, layout.size);
    const bytes = new Uint8Array(layout.size);
    bytes.set(process.read(info, length));
    // What is not told about an object keeps what the caller had there.
    writeStruct(layout, bytes, describe(bytes) as StructInput<Layout>);
    process.write(info, bytes.subarray(0, length));
    attr.put("OBJ_GET_INFO_BY_FD", "infoLen", length);
    return 0;
  };
  switch (object.kind) {
    case "map":
      return run(bpfMapInfo, (request) => describeMap(process, object as KernelMap, request));
    case "btf":
      return run(bpfBtfInfo, (request) => describeBtf(process, object as KernelBtf, request));
    case "prog":
      return run(bpfProgInfo, (request) =>
        describeProgram(process, object as KernelProgram, { request, showsAddresses }),
      );
    case "link":
      return run(bpfLinkInfo, (request) =>
        describeLink(process, object as KernelLink, { request, showsAddresses }),
      );
    default:
      return refuse(Errno.EINVAL);
  }
}

type InfoValues = Readonly<Record<string, number | bigint | Uint8Array>>;

/** `bpf_map_get_info_by_fd`. */
function describeMap(process: Process, map: KernelMap, request: Uint8Array): InfoValues {
  const { parts } = map;
  giveHash(process, map, decodeStruct(bpfMapInfo, request));
  return {
    type: map.type,
    id: map.id,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: parts.maxEntries,
    mapFlags: parts.flags,
    mapExtra: parts.extra,
    name: utf8(parts.name),
    btfVmlinuxValueTypeId: 0,
    ...(parts.btf === null
      ? {}
      : { btfId: parts.btf.id, btfKeyTypeId: parts.keyTypeId, btfValueTypeId: parts.valueTypeId }),
  };
}

/** The SHA-256 of an array's values, for whoever signs or checks what is in it: frozen, so that it stays so (`array_map_get_hash`). */
function giveHash(process: Process, map: KernelMap, asked: { hash: bigint; hashSize: number }): void {
  if (asked.hash === 0n) {
    if (asked.hashSize !== 0) refuse(Errno.EINVAL);
    return;
  }
  if (map.type !== BpfMapType.ARRAY || asked.hashSize !== DIGEST_SIZE) refuse(Errno.EINVAL);
  if (!map.frozen) refuse(Errno.EPERM);
  const { values } = map.parts.storage;
  const size = ((map.valueSize + 7) & -8) * map.parts.maxEntries;
  process.write(asked.hash, sha256(process.machine.memory.bytes().slice(values, values + size)));
}

/** `btf_get_info_by_fd`: as much of the data and the name as the caller's buffers hold. */
function describeBtf(process: Process, btf: KernelBtf, request: Uint8Array) {
  const asked = decodeStruct(bpfBtfInfo, request);
  const name = utf8(btf.name);
  if ((asked.name === 0n) !== (asked.nameLen === 0)) refuse(Errno.EINVAL);
  if (asked.btf !== 0n)
    process.write(asked.btf, btf.bytes.subarray(0, Math.min(asked.btfSize, btf.bytes.length)));
  if (asked.name !== 0n && writeText(process, asked.name, asked.nameLen, btf.name)) refuse(Errno.ENOSPC);
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
function describeProgram(
  process: Process,
  program: KernelProgram,
  { request, showsAddresses }: { readonly request: Uint8Array; readonly showsAddresses: boolean },
): InfoValues {
  const { parts } = program;
  const asked = decodeStruct(bpfProgInfo, request);
  checkRecordSizes(asked);
  const give = (address: bigint, room: number, data: Uint8Array, record: number) => {
    process.write(address, data.subarray(0, Math.min(room * record, data.length)));
  };
  const mapIds = Uint32Array.from(program.maps, (map) => map.id);
  give(asked.mapIds, asked.nrMapIds, new Uint8Array(mapIds.buffer), 4);
  const common = {
    type: parts.type,
    id: program.id,
    tag: parts.tag,
    // Functions of programs have no addresses.
    nrJitedKsyms: 0,
    loadTime: parts.loadTime,
    createdByUid: parts.uid,
    nrMapIds: mapIds.length,
    name: utf8(parts.name),
    gplCompatible: parts.gplCompatible ? 1 : 0,
    btfId: parts.btf?.id ?? 0,
    funcInfoRecSize: FUNC_INFO_SIZE,
    lineInfoRecSize: LINE_INFO_SIZE,
    jitedLineInfoRecSize: JITED_LINE_SIZE,
    runTimeNs: BigInt(Math.floor(program.runTime)),
    runCnt: BigInt(program.runs),
    attachBtfObjId: parts.attachTarget?.btf ?? 0,
    attachBtfId: parts.attachTarget?.btfId ?? 0,
    recursionMisses: BigInt(program.misses),
    verifiedInsns: parts.verifiedInsns,
  };
  // Nothing of the code is for those who may not load any program they like.
  if (!process.may("BPF")) {
    const nothing = { xlatedProgLen: 0, jitedProgLen: 0, nrFuncInfo: 0, nrLineInfo: 0 };
    return { ...common, ...nothing, nrJitedFuncLens: 0, nrJitedLineInfo: 0 };
  }
  const xlated = parts.xlated();
  const code = encode(showsAddresses ? xlated.insns : withoutAddresses(xlated.insns));
  give(asked.xlatedProgInsns, asked.xlatedProgLen, code, 1);
  const funcs = records(xlated.funcInfo.map(({ slot, typeId }) => [slot, typeId]));
  give(asked.funcInfo, asked.nrFuncInfo, funcs, FUNC_INFO_SIZE);
  const lines = records(
    xlated.lineInfo.map(({ slot, fileNameOff, lineOff, lineCol }) => [slot, fileNameOff, lineOff, lineCol]),
  );
  give(asked.lineInfo, asked.nrLineInfo, lines, LINE_INFO_SIZE);
  const { jited } = program;
  if (jited !== null) {
    give(asked.jitedProgInsns, asked.jitedProgLen, jited.insns, 1);
    give(asked.jitedFuncLens, asked.nrJitedFuncLens, new Uint8Array(jited.functionLengths.buffer), 4);
    give(asked.jitedLineInfo, asked.nrJitedLineInfo, new Uint8Array(jited.lines.buffer), JITED_LINE_SIZE);
  }
  const tags = programTags(parts.tag, xlated);
  give(asked.progTags, asked.nrProgTags, tags, TAG_SIZE);
  return {
    ...common,
    xlatedProgLen: code.length,
    jitedProgLen: jited?.insns.length ?? 0,
    nrJitedFuncLens: jited?.functionLengths.length ?? 0,
    nrJitedLineInfo: jited?.lines.length ?? 0,
    nrFuncInfo: xlated.funcInfo.length,
    nrLineInfo: xlated.lineInfo.length,
    nrProgTags: tags.length / TAG_SIZE,
  };
}

/** Where calls go is an address, of a kind (`bpf_insn_prepare_dump`). */
function withoutAddresses(insns: readonly Insn[]): Insn[] {
  return insns.map((insn) => (insn.opcode === CALL ? { ...insn, imm: 0 } : insn));
}

/**
 * EINVAL where records are asked for in another size than this kernel's; a size of 0 asks for none
 * (`set_info_rec_size`).
 */
function checkRecordSizes(asked: StructValues<typeof bpfProgInfo>): void {
  const check = (count: number, size: number, own: number) => {
    if ((count !== 0 || size !== 0) && size !== own) refuse(Errno.EINVAL);
  };
  check(asked.nrFuncInfo, asked.funcInfoRecSize, FUNC_INFO_SIZE);
  check(asked.nrLineInfo, asked.lineInfoRecSize, LINE_INFO_SIZE);
  check(asked.nrJitedLineInfo, asked.jitedLineInfoRecSize, JITED_LINE_SIZE);
}

/**
 * The program's tag or, where it has more functions than one, a tag of each function's own code. Linux takes it while
 * calls of other functions have the function's number as their offset; what it shows later has it as `imm`
 * (`jit_subprogs`).
 */
function programTags(tag: Uint8Array, { insns, functions }: Xlated): Uint8Array {
  if (functions.length <= 1) return tag;
  const tags = new Uint8Array(TAG_SIZE * functions.length);
  const numbered = insns.map((insn) =>
    lookup(insn)?.kind === "call" && insn.src === CallKind.local ? { ...insn, off: insn.imm, imm: 1 } : insn,
  );
  for (const [i, start] of functions.entries()) {
    tags.set(programTag(numbered.slice(start, functions[i + 1] ?? insns.length)), TAG_SIZE * i);
  }
  return tags;
}

function records(rows: readonly (readonly number[])[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(rows.flat()).buffer);
}
