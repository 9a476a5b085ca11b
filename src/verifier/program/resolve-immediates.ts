import { Class, classOf, type InsnRow, isWide, Mode, rowsOfOpcode, WideKind } from "../../isa/index.ts";
import { hasSince, instructionSince, type KernelRelease } from "../../platform/index.ts";
import { BpfMapType, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { Rejection } from "../environment/rejection.ts";
import { MAX_VAR_OFF } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import { kernelVariable } from "./kernel-variable.ts";
import { addUsedMap } from "./used-files.ts";

const MODE_MASK = 0xe0;
/** Descriptors and ids in wide loads become maps and variables; opcodes are known (`resolve_pseudo_ldimm64`). */
export function resolvePseudoLdimm64(env: Environment): void {
  const { insns } = env;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    const mode = insn.opcode & MODE_MASK;
    if (
      classOf(insn.opcode) === Class.ldx &&
      ((mode !== Mode.mem && (mode !== Mode.memsx || env.release === "6.1")) || insn.imm !== 0)
    ) {
      env.refuse(Errno.EINVAL, "BPF_LDX uses reserved fields");
    }
    if (isWide(insn)) {
      resolveWide(env, i);
      i++;
      continue;
    }
    if (!rowsOfOpcode(insn.opcode).some((row) => isKnown(row, env.release))) {
      env.refuse(Errno.EINVAL, `unknown opcode ${insn.opcode.toString(16).padStart(2, "0")}`);
    }
  }
  env.immediatesResolved = true;
}

/** `bpf_opcode_in_insntable` */
function isKnown(row: InsnRow, release: KernelRelease): boolean {
  return row.group !== "internal" && row.group !== "callx" && hasSince(release, instructionSince(row));
}

function resolveWide(env: Environment, at: number): void {
  const insn = env.insns[at]!;
  const second = env.insns[at + 1];
  const aux = env.aux[at]!;
  if (second === undefined || (second.opcode | second.dst | second.src | second.off) !== 0) {
    env.refuse(Errno.EINVAL, "invalid bpf_ld_imm64 insn");
    return;
  }
  switch (insn.src) {
    case WideKind.imm:
      return;
    case WideKind.btfId:
      aux.variable = kernelVariable(env, insn, second.imm);
      return;
    case WideKind.func:
      aux.ptrType = RegType.PTR_TO_FUNC;
      return;
    case WideKind.mapFd:
    case WideKind.mapIdx:
      if (second.imm !== 0) env.refuse(Errno.EINVAL, "unrecognized bpf_ld_imm64 insn");
      break;
    case WideKind.mapValue:
    case WideKind.mapIdxValue:
      break;
    default:
      env.refuse(Errno.EINVAL, "unrecognized bpf_ld_imm64 insn");
  }
  const byIndex = insn.src === WideKind.mapIdx || insn.src === WideKind.mapIdxValue;
  const map = addUsedMap(env, byIndex ? descriptor(env, insn.imm) : insn.imm);
  aux.map = map;
  if (insn.src === WideKind.mapValue || insn.src === WideKind.mapIdxValue) {
    aux.mapOffset = valueOffset(env, map, second.imm >>> 0);
  }
}

function descriptor(env: Environment, index: number): number {
  const { fdArray } = env.request.files;
  if (fdArray === null) return env.refuse(Errno.EPROTO, "fd_idx without fd_array is invalid");
  const fd = fdArray(index);
  if (fd === null) throw new Rejection(Errno.EFAULT, "");
  return fd;
}

/** Whether the map's value can be addressed there (`map_direct_value_addr`). */
function valueOffset(env: Environment, map: VerifierMap, off: number): number {
  if (off >= MAX_VAR_OFF) env.refuse(Errno.EINVAL, `direct value offset of ${off} is not allowed`);
  const isArena = map.type === BpfMapType.ARENA;
  if (map.type !== BpfMapType.ARRAY && !isArena) {
    env.refuse(Errno.EINVAL, "no direct value access support for this map type");
  }
  const refused = `invalid access to map value pointer, value_size=${map.valueSize} off=${off}`;
  if (isArena) {
    if (off > map.maxEntries * 4096) env.refuse(Errno.ERANGE, refused);
  } else {
    if (map.maxEntries !== 1) env.refuse(Errno.ENOTSUPP, refused);
    if (off >= map.valueSize) env.refuse(Errno.EINVAL, refused);
  }
  return off;
}
