import { BpfProgType as P } from "../../uapi/index.ts";

/** A FUNC_PROTO: the same one has the same types and id. */
export interface Prototype {
  readonly types: object;
  readonly id: number;
}

/** What maps of programs ask of a program. */
export interface ProgramKind {
  /** Of an extension that of its target. */
  readonly type: number;
  /** Likewise. */
  readonly expectedAttachType: number;
  /** BPF_F_XDP_HAS_FRAGS */
  readonly hasFrags: boolean;
  /** That of the function that it was loaded for. */
  readonly prototype: Prototype | null;
  /** Ids of its storage of control groups, shared and of each CPU; 0 for none. */
  readonly storages: readonly [shared: number, perCpu: number];
  /** It calls `bpf_tail_call`, or a function of it does. */
  readonly makesTailCalls: boolean;
  /** It calls `bpf_override_return` (`kprobe_override`). */
  readonly overrides: boolean;
}

/** Types whose programs are for a function of one prototype alone. */
const WITH_PROTOTYPE: ReadonlySet<number> = new Set([P.TRACING, P.LSM, P.EXT, P.STRUCT_OPS]);

/** What all programs have in common that use a map of programs, or are in it: `struct bpf_map_owner`. */
export class MapOwner {
  #kind: ProgramKind | null = null;
  readonly #isProgramArray: boolean;

  constructor(isProgramArray: boolean) {
    this.#isProgramArray = isProgramArray;
  }

  /**
   * Whether a program may use the map or be in it (`__bpf_prog_map_compatible`): the first that does decides of which
   * kind all others are. Attach types matter to program arrays alone.
   */
  accepts(kind: ProgramKind): boolean {
    if (kind.overrides) return false;
    const owner = (this.#kind ??= kind);
    if (kind === owner) return true;
    return (
      kind.type === owner.type &&
      kind.hasFrags === owner.hasFrags &&
      (!this.#isProgramArray || kind.expectedAttachType === owner.expectedAttachType) &&
      kind.storages.every((id, index) => isCovered(kind, id, owner.storages[index]!)) &&
      (!WITH_PROTOTYPE.has(kind.type) || isSame(kind.prototype, owner.prototype))
    );
  }
}

/** A program without storage runs with that of its callers, unless it hands it on to programs that have some. */
function isCovered(kind: ProgramKind, id: number, owned: number): boolean {
  return id === owned || (id === 0 && !kind.makesTailCalls);
}

function isSame(one: Prototype | null, other: Prototype | null): boolean {
  return one?.types === other?.types && one?.id === other?.id;
}
