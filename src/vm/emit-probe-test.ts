import { FIRST_OFFSET, KERNEL_BASE_HIGH } from "../mem/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";

/**
 * Pushes whether `size` bytes at a 64-bit address (its low half is in `offset`) can be read: BPF_PROBE_MEM compares all
 * 64 bits. A kernel address, above what is never allocated, inside the memory.
 */
export function emitProbeTest(
  f: FunctionBuilder,
  address: Local,
  offset: Local,
  size: number,
): FunctionBuilder {
  f.get(address).i64.const(32).i64.shrU().i32.wrapI64().i32.const(KERNEL_BASE_HIGH).i32.eq();
  f.get(offset).i32.const(FIRST_OFFSET).i32.geU().i32.and();
  f.get(offset).i64.extendI32U().i64.const(size).i64.add();
  return f.memorySize().i64.extendI32U().i64.const(16).i64.shl().i64.leU().i32.and();
}
