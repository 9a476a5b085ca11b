/** Registers that a call in checked mode carries over: all but the frame pointer. */
export const CARRIED = 10;

/** Registers that a function of a verified program gets, but for the main one: r1 to r5. */
export const VERIFIED_ARGUMENTS = 5;
