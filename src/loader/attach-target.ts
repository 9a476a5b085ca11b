import { TsbpfError } from "../base/index.ts";
import { Btf, BtfKind } from "../btf/index.ts";
import type { ProgramSpec } from "../object/index.ts";
import { type BpfCommands, btfInfo, progInfo } from "../sys/index.ts";
import { BpfAttachType, BpfProgType } from "../uapi/index.ts";
import type { KernelTypes } from "./kernel-types.ts";

/** The type that a program is verified for. */
export interface AttachTarget {
  readonly attachBtfId: number;
  /** Descriptor of a module's BTF, which the caller does not own; null for the kernel and for programs. */
  readonly moduleFd: number | null;
}

/**
 * Finds the type that a program's section names: a function of the kernel or of a module (`module:function`), or, where
 * `targetFd` is a program to be replaced or traced, one of its functions (`libbpf_find_attach_btf_id`).
 */
export function attachTarget(
  program: ProgramSpec,
  sys: BpfCommands,
  types: KernelTypes,
  targetFd: number | null,
): AttachTarget {
  const { attachTarget: name, type, attachType, definition } = program.kind;
  if (name === null) {
    throw new TsbpfError(
      `expected section ${definition?.replace(/\+$/, "") ?? program.sectionName} to name a target, got none`,
    );
  }
  if (targetFd !== null) return { attachBtfId: programFunction(sys, targetFd, name), moduleFd: null };
  if (type === BpfProgType.EXT) {
    throw new TsbpfError(
      `expected a program whose function ${name} is to be replaced (option targetProgram), got none`,
    );
  }
  const colon = name.indexOf(":");
  const symbol = colon < 0 ? name : name.slice(colon + 1);
  const [prefix, kind] = typeNaming(attachType);
  const found =
    colon < 0 ? types.find(prefix + symbol, kind) : types.findIn(name.slice(0, colon), prefix + symbol, kind);
  if (found === null)
    throw new TsbpfError(`the kernel's types have no ${prefix}${symbol} for target ${name}`);
  return { attachBtfId: found.id, moduleFd: found.module?.fd ?? null };
}

/** `btf_get_kernel_prefix_kind` */
function typeNaming(attachType: number | null): readonly [prefix: string, kind: BtfKind] {
  switch (attachType) {
    case BpfAttachType.TRACE_RAW_TP:
      return ["btf_trace_", BtfKind.TYPEDEF];
    case BpfAttachType.LSM_MAC:
    case BpfAttachType.LSM_CGROUP:
      return ["bpf_lsm_", BtfKind.FUNC];
    case BpfAttachType.TRACE_ITER:
      return ["bpf_iter_", BtfKind.FUNC];
    default:
      return ["", BtfKind.FUNC];
  }
}

function programFunction(sys: BpfCommands, fd: number, name: string): number {
  const { btfId } = progInfo(sys, fd);
  if (btfId === 0) throw new TsbpfError("the target program has no BTF");
  const btfFd = sys.btfGetFdById({ id: btfId });
  try {
    const btf = Btf.parse(btfInfo(sys, btfFd).btf, { what: `BTF ${btfId}` });
    const id = btf.findByName(name, BtfKind.FUNC);
    if (id === 0) throw new TsbpfError(`the target program has no function ${name}`);
    return id;
  } finally {
    sys.port.close(btfFd);
  }
}
