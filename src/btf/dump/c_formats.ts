import { type LineFormats, namedFormats } from "./line_format.ts";

export const MAX_INDENT = 13;

/** How deep the lines are that are written in one piece. */
export const PIECE_LEVELS = 3;
/** Types of members that are written in one piece: the even ones, and the same as constants. */
const BASES = ["{s 0}", "struct {s 0}", "union {s 0}", "enum {s 0}", "void"].flatMap((base) => [
  base,
  `const ${base}`,
]);

/** Formats `NAME0`, `NAME1` …, which follow each other. */
function numbered<Name extends string>(
  name: Name,
  count: number,
  format: (number: number) => string,
): Record<`${Name}0`, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, format(i)])) as Record<
    `${Name}0`,
    string
  >;
}

/** What C source is made of; `{id}` is the number of a name that others have too, or of bits. */
const C = namedFormats({
  struct: "struct",
  union: "union",
  enum: "enum",
  name: "{s 0}",
  nameNumbered: "{s 0}___{id}",
  spaceName: " {s 0}",
  spaceNameNumbered: " {s 0}___{id}",
  typedef: "typedef ",
  void: "void",
  volatile: "volatile ",
  const: "const ",
  restrict: "restrict ",
  volatileAfter: " volatile",
  constAfter: " const",
  restrictAfter: " restrict",
  pointer: "*",
  spacePointer: " *",
  space: " ",
  open: " {{",
  close: "}",
  packed: " __attribute__((packed))",
  bits: ": {id};",
  end: ";",
  comma: ", ",
  ellipsis: "...",
  paren: "(",
  spaceParen: " (",
  closeParen: ")",
  voidParen: "void)",
  array: "[{u 5}]",
  value: " = {u 1},",
  valueSigned: " = {d 1},",
  modeByte: " __attribute__((mode(byte)))",
  modeWord: " __attribute__((mode(word)))",
  attribute: " __attribute__(({s 0}))",
  typeTag: ' __attribute__((btf_type_tag("{s 0}")))',
  paddingLong: "long: {id};",
  paddingInt: "int: {id};",
  paddingShort: "short: {id};",
  paddingChar: "char: {id};",
  finish: ";\n\n",
  memberName: "{s 0};",
  spaceMemberName: " {s 0};",
  memberBits: " {s 0}: {u 2 24 8};",
  // As many tabs as libbpf prints at most.
  ...numbered("line", MAX_INDENT + 1, (tabs) => `\n${"\t".repeat(tabs)}`),
  // The usual lines of enums and structs in one piece each: they are nine of ten.
  ...numbered("valueLine", PIECE_LEVELS, (level) => `\n${"\t".repeat(level + 1)}{s 0} = {u 1},`),
  ...numbered("signedLine", PIECE_LEVELS, (level) => `\n${"\t".repeat(level + 1)}{s 0} = {d 1},`),
  ...numbered("memberLine", PIECE_LEVELS * BASES.length * 3, (form) => {
    const level = Math.floor(form / (BASES.length * 3));
    const pointers = form % 3;
    const base = BASES[Math.floor(form / 3) % BASES.length]!;
    return `\n${"\t".repeat(level + 1)}${base}${pointers === 0 ? "" : ` ${"*".repeat(pointers)}`}`;
  }),
});
export const F = C.id;

export const BASE_COUNT = BASES.length;
export const VOID_BASE = 8;
/** Of the types by kind, that in `BASES`; -1 for those that need more than a name. */
export const BASE_OF_KIND = Int8Array.of(
  8,
  0,
  -1,
  -1,
  2,
  4,
  6,
  -1,
  0,
  -1,
  -1,
  -1,
  -1,
  -1,
  -1,
  -1,
  0,
  -1,
  -1,
  6,
);

export const PADDINGS = {
  long: F.paddingLong,
  int: F.paddingInt,
  short: F.paddingShort,
  char: F.paddingChar,
};

/** The longest name with its suffix that libbpf prints. */
export const MAX_SUFFIXED_NAME = 255;

/** The formats to make a {@link LineWriter} for {@link Declarations} of. */
export const C_FORMATS: LineFormats = C.formats;
