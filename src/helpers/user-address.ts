/** End of user space on x86-64 (`TASK_SIZE_MAX`): 2^47 less a page. */
const USER_END = 2 ** 47 - 4096;

const PAGE = 4096;

/** The page that `vsyscall` had: at a kernel's address, and none of the kernel's. */
const VSYSCALL_LOW = 0xff60_0000;

/** A 64-bit address as a double: exact below 2^53, which is all that user space has. */
function value(low: number, high: number): number {
  return (high >>> 0) * 2 ** 32 + (low >>> 0);
}

/** Whether an address is below the end of user space (`TASK_SIZE`). */
export function isUserAddress(low: number, high: number): boolean {
  return value(low, high) < USER_END;
}

/** `access_ok`: whether a range lies in user space. */
export function isUserRange(low: number, high: number, length: number): boolean {
  return value(low, high) + length <= USER_END;
}

/** `copy_from_kernel_nofault_allowed`: canonical, above user space and its guard page, and not the vsyscall page. */
export function isKernelAddress(low: number, high: number): boolean {
  if (value(low, high) < USER_END + PAGE) return false;
  if (high === -1 && (low & -PAGE) >>> 0 === VSYSCALL_LOW) return false;
  return high < 0 && high >= -0x8000;
}
