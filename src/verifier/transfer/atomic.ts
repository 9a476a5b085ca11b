import { AtomicCode, type Insn } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import { checkMemAccess } from "../access/mem-access.ts";
import { saveAuxPtrType } from "../access/pointer-kind.ts";
import type { Environment } from "../environment/environment.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { isPointerValue } from "../state/pointer-value.ts";
import { isPacketPointer, isSocketPointer, type RegisterType, RegType } from "../state/reg-type.ts";
import { accessSize, checkLoadMem, checkStoreReg, type LoadOptions } from "./load-store.ts";

const LOAD_ACQUIRE: LoadOptions = {
  strictAlignmentOnce: true,
  isLdsx: false,
  allowTrustMismatch: false,
  context: "atomic_load",
};

/** Operations on an arena that x86 has as loops, which do not survive a fault (`bpf_jit_supports_insn`). */
const LOOPS: ReadonlySet<number> = new Set([
  AtomicCode.and | AtomicCode.fetch,
  AtomicCode.or | AtomicCode.fetch,
  AtomicCode.xor | AtomicCode.fetch,
]);

/** Memory of this kind can be accessed atomically (`atomic_ptr_type_ok`). */
function isAtomicMemory(type: RegisterType, insn: Insn): boolean {
  if (type === RegType.PTR_TO_CTX || type === RegType.PTR_TO_FLOW_KEYS) return false;
  if (isPacketPointer(type) || isSocketPointer(type)) return false;
  return type !== RegType.PTR_TO_ARENA || accessSize(insn) < 4 || !LOOPS.has(insn.imm);
}

/** No code of an operation. */
const NOTHING = -1;

function refuseMemory(env: Environment, regno: number, what: "loads from" | "stores into"): never {
  return env.refuse(
    Errno.EACCES,
    `BPF_ATOMIC ${what} R${regno} ${regTypeStr(env.reg(regno).type)} is not allowed`,
  );
}

/** An atomic operation, or an ordered load or store (`check_atomic`). */
export function checkAtomic(env: Environment, insn: Insn): void {
  // What a release does not have is no row of its table.
  const ordered = insn.imm === AtomicCode.loadAcquire || insn.imm === AtomicCode.storeRelease;
  switch (ordered && env.rows[env.insnIdx] === undefined && env.release === "6.1" ? NOTHING : insn.imm) {
    case AtomicCode.add:
    case AtomicCode.add | AtomicCode.fetch:
    case AtomicCode.and:
    case AtomicCode.and | AtomicCode.fetch:
    case AtomicCode.or:
    case AtomicCode.or | AtomicCode.fetch:
    case AtomicCode.xor:
    case AtomicCode.xor | AtomicCode.fetch:
    case AtomicCode.xchg:
    case AtomicCode.cmpxchg:
      checkAtomicRmw(env, insn);
      return;
    case AtomicCode.loadAcquire:
      checkLoadMem(env, insn, LOAD_ACQUIRE);
      // As the kernel has it: where dst is src, what was loaded is asked.
      if (!isAtomicMemory(env.reg(insn.src).type, insn)) refuseMemory(env, insn.src, "loads from");
      return;
    case AtomicCode.storeRelease:
      checkStoreReg(env, insn, true);
      if (!isAtomicMemory(env.reg(insn.dst).type, insn)) refuseMemory(env, insn.dst, "stores into");
      return;
    default: {
      const code = (insn.imm >>> 0).toString(16).padStart(2, "0");
      env.refuse(Errno.EINVAL, `BPF_ATOMIC uses invalid atomic opcode ${code}`);
    }
  }
}

/** An operation that reads, changes and writes memory (`check_atomic_rmw`). */
function checkAtomicRmw(env: Environment, insn: Insn): void {
  const size = accessSize(insn);
  if (size < 4) env.refuse(Errno.EINVAL, "invalid atomic operand size");
  checkRegArg(env, insn.src, "src");
  checkRegArg(env, insn.dst, "src");
  const exchanges = insn.imm === AtomicCode.cmpxchg;
  if (exchanges) {
    checkRegArg(env, 0, "src");
    refuseLeak(env, 0);
  }
  refuseLeak(env, insn.src);
  if (!isAtomicMemory(env.reg(insn.dst).type, insn)) refuseMemory(env, insn.dst, "stores into");

  let loaded = -1;
  if ((insn.imm & AtomicCode.fetch) !== 0) {
    loaded = exchanges ? 0 : insn.src;
    checkRegArg(env, loaded, "dst");
  }
  const { insnIdx } = env;
  checkMemAccess(env, insnIdx, insn.dst, insn.off, size, "read", -1, true, false);
  if (loaded >= 0) checkMemAccess(env, insnIdx, insn.dst, insn.off, size, "read", loaded, true, false);
  if (env.reg(insn.dst).type === RegType.PTR_TO_ARENA) saveAuxPtrType(env, RegType.PTR_TO_ARENA, false);
  checkMemAccess(env, insnIdx, insn.dst, insn.off, size, "write", -1, true, false);
}

function refuseLeak(env: Environment, regno: number): void {
  if (isPointerValue(env, regno)) env.refuse(Errno.EACCES, `R${regno} leaks addr into mem`);
}
