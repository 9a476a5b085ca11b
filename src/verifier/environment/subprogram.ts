/** An argument of a global function, by its BTF: `struct bpf_subprog_arg_info`. */
export interface SubprogramArgument {
  /** An ARG_* of `platform`, with flags, as a number (see `calls/argument-type.ts`). */
  readonly type: number;
  /** Of memory: bytes. */
  readonly memSize: number;
  readonly btfId: number;
}

/** Whether a subprogram has a stack of its own: `enum priv_stack_mode`. */
export const PrivateStack = { UNKNOWN: 0, NONE: 1, ADAPTIVE: 2 } as const;
export type PrivateStack = (typeof PrivateStack)[keyof typeof PrivateStack];

/** One function of the program: `struct bpf_subprog_info` and `struct bpf_func_info_aux`. */
export class Subprogram {
  /** First slot. */
  start: number;
  /** From BTF; empty without. */
  name = "";
  /** Its FUNC in the program's BTF; 0 for none. */
  typeId = 0;
  /** Index into the line records; -1 for none. */
  lineIndex = -1;
  /** Linkage is global: verified on its own, by its types. */
  global = false;
  /** Its types are not what the compiler made of it (`func_info_aux.unreliable`). */
  unreliable = false;
  /** A verified global function, or one that is called (`func_info_aux.called`). */
  called = false;
  verified = false;
  postorderStart = 0;
  stackDepth = 0;
  stackExtra = 0;
  fastcallStackOff = 0;
  keepFastcallStack = false;
  hasTailCall = false;
  tailCallReachable = false;
  hasLdAbs = false;
  isCallback = false;
  isAsyncCallback = false;
  isExceptionCallback = false;
  changesPacket = false;
  mightSleep = false;
  privateStack: PrivateStack = PrivateStack.UNKNOWN;
  /** Null until its types were asked for. */
  args: readonly SubprogramArgument[] | null = null;

  constructor(start: number) {
    this.start = start;
  }
}
