/** What a room inside `btf` needs of the type table: `Btf` is one. See there for what each accessor gives. */
export interface BtfView {
  readonly count: number;
  word(id: number, at: number): number;
  kind(id: number): number;
  vlen(id: number): number;
  kflag(id: number): boolean;
  name(id: number): string;
  size(id: number): number;
  ref(id: number): number;
  memberName(id: number, member: number): string;
  memberType(id: number, member: number): number;
  memberBitOffset(id: number, member: number): number;
  memberBitSize(id: number, member: number): number;
  string(offset: number): string;
}

/** All types of a (split) BTF and of its base as one table: what dumps walk. */
export interface BtfTables {
  /** Three zero words (void), then the fields of all types: BTF has nothing but 32-bit fields. */
  readonly words: Uint32Array;
  /** Position in `words` of each type by id, void included. */
  readonly index: Uint32Array;
  /** The string sections, one behind the other. */
  readonly strings: Uint8Array;
}
