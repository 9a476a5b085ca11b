/**
 * The state block of an executor: words in the one memory that emitted code, adapters and host code share. Offsets in
 * bytes from the block's start.
 */
export const State = {
  /** A value of {@link FaultCode}; 0 while nothing is wrong. */
  FAULT: 0,
  /** Offset of the record that faulted, and of the first record of its program. */
  FAULT_PC: 4,
  /** The refused address (i64). */
  FAULT_ADDRESS: 8,
  FAULT_CODE: 16,
  /** Bytes that were to be accessed. */
  FAULT_SIZE: 20,
  /** The `RegionAccess` that was needed. */
  FAULT_ACCESS: 24,
  /** Number of the helper or kfunc and argument (from 1) that a refused argument belongs to. */
  FAULT_HELPER: 28,
  FAULT_ARGUMENT: 32,
  /** High half of r0 after a run. */
  RESULT_HIGH: 36,
  /** High half of the 64-bit result of a host body. */
  HELPER_HIGH: 40,
  /** Tail calls of this run: one count for the program and all its subprograms, as Linux has it since 6.12. */
  TAIL_CALLS: 44,
  /** The CPU that the executor runs as. */
  CPU: 48,
  /** Offset of the context of this run. */
  CONTEXT: 52,
  /** Instructions of this run so far, and how many it may have (i64). */
  EXECUTED: 56,
  BUDGET: 64,
  /** The region that `locate` found: 64-bit address of its first accessible byte, and its length (i64). */
  WINDOW_BASE: 72,
  WINDOW_LENGTH: 80,
  /** Where a nested activation puts its first window, and the top of its stack. */
  FRAME_TOP: 88,
  STACK_TOP: 92,
  /** Record and window where the dispatch loop was left. */
  PC: 96,
  BASE: 100,
  /** Function index of the program that a tail call goes to. */
  TARGET: 104,
  /** Offset of the `struct bpf_spin_lock` that the run holds, where several executors may be at work; else 0. */
  LOCK: 108,
  /** Runs that the last batch left undone, with the one that ended with a fault. */
  LEFT: 112,
} as const;

export const STATE_SIZE = 128;

/** Kinds of a fault as the state block names them. */
export const FaultCode = {
  access: 1,
  argument: 2,
  call: 3,
  budget: 4,
  interrupted: 5,
  stack: 6,
  instruction: 7,
  trap: 8,
} as const;

/**
 * In State.FAULT, while `bpf_throw` unwinds the frames of an activation in an engine that returns through them; the
 * cookie is in State.FAULT_ADDRESS.
 */
export const THROWN = 0x200;

/** Numbers of kfuncs begin here; what is below are helpers' ids. */
export const FIRST_KFUNC = 1 << 20;

/** In State.FAULT_ACCESS, where no `RegionAccess` is: the argument had to be the address of a subprogram. */
export const SUBPROGRAM = 0x100;

/** Bytes of stack in a frame (`MAX_BPF_STACK`). */
export const FRAME_STACK = 512;

/** Frames of one program (`MAX_CALL_FRAMES`). */
export const MAX_FRAMES = 8;

/** Tail calls in one run (`MAX_TAIL_CALL_CNT`). */
export const MAX_TAIL_CALLS = 33;

/** Iterations that one `may_goto` loop gets (`BPF_MAX_LOOPS`). */
export const MAX_LOOPS = 8 * 1024 * 1024;

/**
 * Bytes of stack of an executor. A run that the verifier allows needs at most 8 frames in each of its 34 programs,
 * and callbacks some more.
 */
export const STACK_SIZE = 256 * 1024;

/**
 * A window: the registers of one frame, and what the frame needs beside them. A local call moves on by one window.
 *
 * ```text
 *   0 r0 … 80 r10   88 r11 (Linux's auxiliary)   96 may_goto left   100 return record   104 first record   108 depth
 * ```
 */
export const Frame = { MAY_GOTO: 96, RETURN: 100, CODE: 104, DEPTH: 108 } as const;

export const FRAME_SIZE = 112;

export const REGISTER_SIZE = 8;

/** Bytes for windows: one for each frame that the stack has place for. */
export const FRAMES_SIZE = (STACK_SIZE / FRAME_STACK) * FRAME_SIZE;
