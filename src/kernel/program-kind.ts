import { CallKind, rowNamed } from "../isa/index.ts";
import { BpfFuncId, BpfMapType, BpfProgFlag } from "../uapi/index.ts";
import type { Environment } from "../verifier/index.ts";
import type { KernelMap } from "./objects/map.ts";
import type { ProgramKind, Prototype } from "./objects/map-owner.ts";
import type { LoadRequest } from "./verification.ts";

const CALL = rowNamed("call_helper").opcode;

/** What maps of programs ask of a program: of an unverified one (`env` is null), as far as it says so itself. */
export function programKind(
  request: LoadRequest,
  { env, maps }: { readonly env: Environment | null; readonly maps: readonly KernelMap[] },
): ProgramKind {
  const storage = (type: number) => maps.find((map) => map.type === type)?.id ?? 0;
  const attach = env?.attach ?? null;
  return {
    type: (attach?.resolvedType ?? request.type).type,
    expectedAttachType: attach?.expectedAttachType ?? request.expectedAttachType,
    hasFrags: (request.flags & BpfProgFlag.XDP_HAS_FRAGS) !== 0,
    prototype: prototypeOf(env),
    storages: [storage(BpfMapType.CGROUP_STORAGE), storage(BpfMapType.PERCPU_CGROUP_STORAGE)],
    makesTailCalls: env?.subprograms[0]?.tailCallReachable ?? calls(request, null, BpfFuncId.tail_call),
    overrides: calls(request, env, BpfFuncId.override_return),
  };
}

function prototypeOf(env: Environment | null): Prototype | null {
  const { btf = null, prototype = 0 } = env?.attach ?? {};
  return btf === null || prototype === 0 ? null : { types: btf, id: prototype };
}

/** Whether instructions that are not dead call a helper. */
function calls({ records: { insns } }: LoadRequest, env: Environment | null, helper: number): boolean {
  for (let slot = 0; slot < insns.length; slot++) {
    const { opcode, src, imm } = insns[slot]!;
    const isCall = opcode === CALL && src === CallKind.helper && imm === helper;
    if (isCall && env?.aux[slot]?.seen !== 0) return true;
  }
  return false;
}
