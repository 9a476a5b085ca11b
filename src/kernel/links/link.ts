import type { StructInput } from "../../sys/index.ts";
import { type BpfLinkType, type bpfLinkInfo, Errno } from "../../uapi/index.ts";
import type { IdTable } from "../id-table.ts";
import { KernelObject } from "../objects/kernel-object.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";

/** What a link tells of itself beside its type, its id and its program. */
export type LinkInfo = StructInput<typeof bpfLinkInfo>;

/** What the caller gave `struct bpf_link_info` to be filled in, and how texts and arrays reach it. */
export interface LinkInfoRequest {
  /** A number that the caller gave. */
  asked(field: LinkInfoField): number | bigint;
  /**
   * Gives a text with its NUL to the caller's buffer at one field, whose room is in another, and says how long it is
   * (`bpf_copy_to_user`). EINVAL where there is a buffer and no room for anything, or the other way; ENOSPC where the
   * text was cut.
   *
   * @returns what the field with the room becomes.
   */
  giveText(at: LinkInfoField, room: LinkInfoField, text: string): number;
  /** Writes bytes to the caller's buffer at an address. EFAULT. */
  write(address: bigint, bytes: Uint8Array): void;
  /** Whether the caller may see addresses of the kernel. */
  readonly showsAddresses: boolean;
}

export type LinkInfoField = keyof LinkInfo & string;

/** A program that is attached to something, as an object of its own (`struct bpf_link`). */
export abstract class KernelLink extends KernelObject {
  readonly kind = "link";
  readonly type: BpfLinkType;
  readonly #table: IdTable<KernelLink>;
  #program: KernelProgram;

  /** Takes over a reference to the program. */
  constructor(table: IdTable<KernelLink>, type: BpfLinkType, program: KernelProgram) {
    super(table.allocate());
    this.#table = table;
    this.type = type;
    this.#program = program.get();
    table.add(this);
  }

  get program(): KernelProgram {
    return this.#program;
  }

  /** What there is to tell of this type of link. */
  abstract info(request: LinkInfoRequest): LinkInfo;

  /** BPF_LINK_DETACH. EOPNOTSUPP for types that cannot. */
  detach(): void {
    refuse(Errno.EOPNOTSUPP);
  }

  /** BPF_LINK_UPDATE: another program in place of `old`, whichever it is where null. EINVAL for types that cannot. */
  replace(_program: KernelProgram, _old: KernelProgram | null): void {
    refuse(Errno.EINVAL);
  }

  /** Puts another program in place. */
  protected exchange(program: KernelProgram): void {
    const before = this.#program;
    this.#program = program.get();
    before.put();
  }

  /** Takes the program from where it is attached, if it still is. */
  protected abstract release(): void;

  protected override destroy(): void {
    this.release();
    this.#table.remove(this.id);
    this.#program.put();
  }
}

/** EPERM where a link has another program than the one that was to be replaced. */
export function checkOld(link: KernelLink, old: KernelProgram | null): void {
  if (old !== null && link.program !== old) refuse(Errno.EPERM);
}

/** Attaches a link that was just made; one that cannot be attached ends. */
export function attached<L extends KernelLink>(link: L, attach: (link: L) => void): L {
  try {
    attach(link);
    return link;
  } catch (error) {
    link.put();
    throw error;
  }
}
