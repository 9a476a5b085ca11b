import { type Btf, BtfKind, enumeratorName, enumeratorValue, IntEncoding, isModifier } from "../btf/index.ts";

/** `BTF_F_*` */
export const TextFlag = { COMPACT: 1, NONAME: 2, PTR_RAW: 4, ZERO: 8 } as const;

/** Types that are followed for a name (`BTF_SHOW_MAX_ITER`). */
const MOST_NESTED = 10;
/** `BTF_SHOW_NAME_SIZE`, less its NUL. */
const LONGEST_NAME = 79;
/** Spaces of indentation. */
const MOST_INDENT = 32;

/** Where values are read, by the distance from the object's start; null where they cannot be. */
export type ReadValue = (offset: number, length: number) => DataView | null;

/**
 * A value of the kernel as text, by its type, as `btf_type_show` writes it: with the members that are not zero, each with
 * its name and type.
 */
export class TypeText {
  readonly #btf: Btf;
  readonly #flags: number;
  readonly #read: ReadValue;
  readonly #pointer: (value: bigint) => string;
  #out: string[] = [];
  #depth = 0;
  /** The member that is shown; 0-based, of the struct `#owner`, -1 for none. */
  #member = -1;
  #owner = 0;
  #inArray = false;
  #isText = false;
  #ended = false;
  #typeId = 0;
  /** While it is only found out whether there is anything to show. */
  #looking = false;
  #found = false;
  #failed = false;

  /** @param pointer how an address is written that is to be hidden. */
  constructor(btf: Btf, flags: number, read: ReadValue, pointer: (value: bigint) => string) {
    this.#btf = btf;
    this.#flags = flags;
    this.#read = read;
    this.#pointer = pointer;
  }

  /** The text of a type at the object's start; null where the last that was read could not be. */
  of(type: number): string | null {
    this.#show(type, type, 0, 0);
    return this.#failed ? null : this.#out.join("");
  }

  #has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }

  #load(offset: number, length: number): DataView | null {
    const view = this.#read(offset, length);
    this.#failed = view === null;
    return view;
  }

  /** @param id of the type as it is named: `type` is what is behind modifiers and typedefs. */
  #show(type: number, id: number, offset: number, bit: number): void {
    const btf = this.#btf;
    switch (btf.kind(type)) {
      case BtfKind.INT:
        this.#int(type, id, offset, bit);
        break;
      case BtfKind.PTR:
        this.#address(id, offset);
        break;
      case BtfKind.ENUM:
      case BtfKind.ENUM64:
        this.#enum(type, id, offset);
        break;
      case BtfKind.ARRAY:
        this.#whole(() => this.#array(type, id, offset, bit));
        break;
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        this.#whole(() => this.#struct(type, id, offset));
        break;
      default:
        if (!isModifier(btf.kind(type)) && btf.kind(type) !== BtfKind.TYPEDEF)
          this.#write(`<unsupported kind:${btf.kind(type)}>`);
        else this.#show(this.#bare(type), id, offset, bit);
    }
  }

  /** `btf_type_skip_modifiers`, typedefs among them. */
  #bare(type: number): number {
    let bare = type;
    while (bare !== 0 && (isModifier(this.#btf.kind(bare)) || this.#btf.kind(bare) === BtfKind.TYPEDEF))
      bare = this.#btf.ref(bare);
    return bare;
  }

  #write(text: string): void {
    if (!this.#looking) this.#out.push(text);
  }

  /** Something that has parts: shown where any of them would be. */
  #whole(show: () => void): void {
    if (this.#depth > 0 && !this.#has(TextFlag.ZERO) && !this.#looking) {
      const [member, owner] = [this.#member, this.#owner];
      this.#looking = true;
      this.#found = false;
      show();
      this.#looking = false;
      [this.#member, this.#owner] = [member, owner];
      if (!this.#found) return;
    }
    show();
  }

  #open(id: number): void {
    this.#typeId = id;
    this.#write(`${this.#indent()}${this.#name()}${this.#newline()}`);
    this.#depth++;
  }

  #close(end: string): void {
    this.#depth--;
    this.#write(`${this.#indent()}${end}${this.#depth === 0 ? "" : ","}${this.#newline()}`);
  }

  #indent(): string {
    return this.#has(TextFlag.COMPACT) ? "" : " ".repeat(Math.min(this.#depth, MOST_INDENT));
  }

  #newline(): string {
    return this.#has(TextFlag.COMPACT) ? "" : "\n";
  }

  /** `btf_show_type_values`: a value, whatever it is. */
  #value(id: number, text: string): void {
    this.#typeId = id;
    this.#write(`${this.#indent()}${this.#name()}${text}${this.#depth === 0 ? "" : ","}${this.#newline()}`);
    if (this.#depth > 0) this.#found = true;
  }

  /** `btf_show_type_value`: zeros are left out. */
  #unlessZero(id: number, isZero: boolean, text: string): void {
    if (!isZero || this.#has(TextFlag.ZERO) || this.#depth === 0) this.#value(id, text);
  }

  #struct(type: number, id: number, offset: number): void {
    const btf = this.#btf;
    if (this.#load(offset, Math.min(btf.size(type), 1)) === null) return;
    this.#open(id);
    for (let i = 0; i < btf.vlen(type); i++) {
      [this.#member, this.#owner] = [i, type];
      const [bits, size] = [btf.memberBitOffset(type, i), btf.memberBitSize(type, i)];
      const member = btf.memberType(type, i);
      const at = offset + (bits >>> 3);
      if (size === 0) this.#show(member, member, at, bits & 7);
      else this.#bits(member, at, bits & 7, size);
      this.#member = -1;
    }
    this.#close("}");
  }

  #array(type: number, id: number, offset: number, bit: number): void {
    const btf = this.#btf;
    const element = btf.elementType(type);
    const bare = this.#bare(element);
    const kind = btf.kind(bare);
    // What has no size of its own, as pointers, is shown as often as there are elements: the first one.
    const size = HAS_SIZE.has(kind) ? btf.size(bare) : 0;
    this.#isText = kind === BtfKind.INT && (size === 1 || btf.intInfo(bare) >>> 24 === IntEncoding.CHAR);
    this.#ended = false;
    if (btf.elementCount(type) > 0 && this.#load(offset, 1) === null) return;
    this.#open(id);
    for (let i = 0; i < btf.elementCount(type); i++) {
      this.#inArray = true;
      this.#member = -1;
      this.#show(bare, element, offset + i * size, bit);
      this.#inArray = false;
      this.#member = -1;
      if (this.#ended) break;
    }
    this.#isText = false;
    this.#ended = false;
    this.#close("]");
  }

  #int(type: number, id: number, offset: number, bit: number): void {
    const info = this.#btf.intInfo(type);
    const [bits, start] = [info & 0xff, (info >>> 16) & 0xff];
    const size = this.#btf.size(type);
    if (bit !== 0 || start !== 0 || (bits & 7) !== 0 || ![8, 16, 32, 64].includes(bits)) {
      const total = bit + start;
      this.#bits(id, offset + (total >>> 3), total & 7, bits);
      return;
    }
    const view = this.#load(offset, size);
    if (view === null) return;
    const signed = ((info >>> 24) & IntEncoding.SIGNED) !== 0;
    if (bits === 8 && this.#isText) {
      const byte = view.getUint8(0);
      if (this.#ended) return;
      if (byte === 0) {
        this.#ended = true;
        return;
      }
      if (isPrintable(byte)) {
        this.#value(id, `'${String.fromCharCode(byte)}'`);
        return;
      }
    }
    const value = BigInt.asUintN(
      bits,
      bits === 64 ? view.getBigUint64(0, true) : BigInt(numberOf(view, bits)),
    );
    this.#unlessZero(id, value === 0n, `${signed ? BigInt.asIntN(bits, value) : value}`);
  }

  /** `btf_bitfield_show`: hexadecimal, whatever its sign. */
  #bits(id: number, offset: number, bit: number, size: number): void {
    const bytes = (bit + size + 7) >>> 3;
    const view = this.#load(offset, bytes);
    if (view === null) return;
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(i));
    value = BigInt.asUintN(size, value >> BigInt(bit));
    this.#unlessZero(id, value === 0n, `0x${value.toString(16)}`);
  }

  #address(id: number, offset: number): void {
    const view = this.#load(offset, 8);
    if (view === null) return;
    const value = view.getBigUint64(0, true);
    const raw = () => value.toString(16).padStart(16, "0");
    this.#unlessZero(id, value === 0n, `0x${this.#has(TextFlag.PTR_RAW) ? raw() : this.#pointer(value)}`);
  }

  #enum(type: number, id: number, offset: number): void {
    const btf = this.#btf;
    const isWide = btf.kind(type) === BtfKind.ENUM64;
    const view = this.#load(offset, isWide ? 8 : 4);
    if (view === null) return;
    const value = isWide ? view.getBigInt64(0, true) : BigInt(view.getInt32(0, true));
    const bits = isWide ? 64 : 32;
    for (let i = 0; i < btf.vlen(type); i++) {
      const each = BigInt.asIntN(bits, BigInt(enumeratorValue(btf, type, i)));
      // The text of a name is no number: it is shown also where its value is 0.
      if (each !== value) continue;
      this.#value(id, enumeratorName(btf, type, i));
      return;
    }
    this.#unlessZero(id, value === 0n, `${btf.kflag(type) ? value : BigInt.asUintN(bits, value)}`);
  }

  /** `btf_show_name`: `.member = (struct name){`; elements of arrays have none, nor what is in them. */
  #name(): string {
    if (this.#inArray) return "";
    const btf = this.#btf;
    const member = this.#member < 0 ? "" : btf.memberName(this.#owner, this.#member);
    let id = this.#member < 0 ? this.#typeId : btf.memberType(this.#owner, this.#member);
    let name: string | null = null;
    let [stars, brackets, parens] = ["", "", ""];
    let [isArray, isTypedef] = [false, false];
    let steps = 0;
    for (; steps < MOST_NESTED; steps++) {
      const kind = btf.kind(id);
      let next = 0;
      if (kind === BtfKind.TYPEDEF) {
        name ??= btf.name(id);
        isTypedef = true;
        next = btf.ref(id);
      } else if (kind === BtfKind.ARRAY) {
        isArray = true;
        parens = "[";
        brackets += "[]";
        next = btf.elementType(id);
      } else if (kind === BtfKind.PTR) {
        stars += "*";
        next = btf.ref(id);
      }
      if (next === 0) break;
      id = this.#unqualified(next);
    }
    if (steps === MOST_NESTED) return "";
    name ??= btf.name(id);
    let prefix = "";
    const kind = btf.kind(id);
    if (kind === BtfKind.STRUCT || kind === BtfKind.UNION) {
      prefix = kind === BtfKind.STRUCT ? "struct" : "union";
      if (!isArray) parens = "{";
    } else if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) prefix = "enum";
    if (stars !== "") parens = "";
    if (isTypedef) prefix = "";
    if (this.#has(TextFlag.NONAME)) return parens;
    const shown = member === "" ? "" : `.${member} = `;
    const gap = prefix !== "" && name !== "" ? " " : "";
    const pointers = stars === "" ? "" : ` ${stars}`;
    return `${shown}(${prefix}${gap}${name}${pointers}${brackets})${parens}`.slice(0, LONGEST_NAME);
  }

  #unqualified(id: number): number {
    let bare = id;
    while (bare !== 0 && isModifier(this.#btf.kind(bare)) && this.#btf.kind(bare) !== BtfKind.TYPEDEF)
      bare = this.#btf.ref(bare);
    return bare;
  }
}

const HAS_SIZE: ReadonlySet<number> = new Set([
  BtfKind.INT,
  BtfKind.STRUCT,
  BtfKind.UNION,
  BtfKind.ENUM,
  BtfKind.ENUM64,
  BtfKind.FLOAT,
]);

/** `isprint` of the kernel: of Latin 1. */
function isPrintable(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0;
}

function numberOf(view: DataView, bits: number): number {
  if (bits === 8) return view.getUint8(0);
  return bits === 16 ? view.getUint16(0, true) : view.getUint32(0, true);
}
