/** `(r1, r2, r3, r4, r5) → r0`: a function of the program, as helpers call it. */
export const CALLBACK = { params: ["i64", "i64", "i64", "i64", "i64"], results: ["i64"] } as const;
