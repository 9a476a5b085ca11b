/** Types of functions that every module of a kernel shares through the function table. */

/** `(context, top of the stack) → r0`: a program. */
export const ENTRY_SIGNATURE = { params: ["i32", "i32"], results: ["i64"] } as const;

/** `(window, argument) → FaultCode or 0`: an adapter of a helper. */
export const ADAPTER_SIGNATURE = { params: ["i32", "i32"], results: ["i32"] } as const;

/** `(r1, r2, r3, r4, r5) → r0`: a subprogram that a helper calls back. */
export const CALLBACK_SIGNATURE = { params: ["i64", "i64", "i64", "i64", "i64"], results: ["i64"] } as const;

/** High half of the address of a subprogram; the low half is its index in the function table. No data is there. */
export const CODE_BASE_HIGH = 0xffff_8001 | 0;

/** Namespace of what emitted modules of an executor import beside the memory. */
export const EXECUTOR_NAMESPACE = "executor";
