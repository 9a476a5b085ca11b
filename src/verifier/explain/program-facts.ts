/** What is known of a program besides its log: a log names neither its type nor its functions. */
export interface ProgramFacts {
  /** A value of `BpfProgType`. */
  readonly type?: number;
  /** Of the object file: `"fentry/do_unlinkat"`. */
  readonly section?: string;
  /** Functions by first slot, the entry function first. */
  readonly functions?: readonly { readonly slot: number; readonly name: string }[];
  /** What relocations ask the kernel for, by slot: `"struct task_struct.tgid"`, `"bpf_task_acquire"`. */
  readonly relocations?: ReadonlyMap<number, string>;
  /** Types of the object's maps, values of `BpfMapType`, by the names that a log has. */
  readonly mapTypes?: ReadonlyMap<string, number>;
}
