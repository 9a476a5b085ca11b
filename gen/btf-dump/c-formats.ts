import { type LineFormats, namedFormats } from "./line-format.ts";

export const MAX_INDENT = 13;

/** How deep the lines are that are written in one piece. */
export const PIECE_LEVELS = 3;
/** Types that are written in one piece: the even ones, and the same as constants; up to two pointers to each. */
const PIECES = ["{s 0}", "struct {s 0}", "union {s 0}", "enum {s 0}", "void"]
  .flatMap((base) => [base, `const ${base}`])
  .flatMap((base) => [base, `${base} *`, `${base} **`]);

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
  commaEllipsis: ", ...",
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
  // In the order of their sizes.
  paddingLong: "long: {id};",
  paddingInt: "int: {id};",
  paddingShort: "short: {id};",
  paddingChar: "char: {id};",
  finish: ";\n\n",
  suffix: "___{id}",
  equals: " = ",
  signedEnd: "LL,",
  unsignedEnd: "ULL,",
  gnucVaList: "typedef __builtin_va_list __gnuc_va_list",
  poly8: "typedef unsigned char {s 0}",
  poly16: "typedef unsigned short {s 0}",
  poly64: "typedef unsigned long long {s 0}",
  poly128: "typedef unsigned __int128 {s 0}",
  extern: "extern ",
  externFastcall: "extern __bpf_fastcall ",
  weakKsym: " __weak __ksym;\n",
  memberName: "{s 0};",
  memberBits: "{s 0}: {u 2 24 8};",
  // As many tabs as libbpf prints at most.
  ...numbered("line", MAX_INDENT + 1, (tabs) => `\n${"\t".repeat(tabs)}`),
  // The usual lines of enums and structs in one piece each: they are nine of ten.
  ...numbered("valueLine", PIECE_LEVELS, (level) => `\n${"\t".repeat(level + 1)}{s 0} = {u 1},`),
  ...numbered("signedLine", PIECE_LEVELS, (level) => `\n${"\t".repeat(level + 1)}{s 0} = {d 1},`),
  ...numbered("memberLine", PIECE_LEVELS * PIECES.length, (number) => {
    const piece = PIECES[number % PIECES.length]!;
    const level = Math.floor(number / PIECES.length);
    return `\n${"\t".repeat(level + 1)}${piece}${piece.endsWith("*") ? "" : " "}`;
  }),
  ...numbered("piece", PIECES.length, (number) => PIECES[number]!),
  ...numbered("nextPiece", PIECES.length, (number) => `, ${PIECES[number]!}`),
});
export const F = C.id;

/** How many types are written in one piece. */
export const PIECE_COUNT = PIECES.length;
export const PIECE_CONST = 3;
export const PIECE_VOID = 24;
/** Of the types by kind, that without a pointer; -1 for those that need more than a name. */
export const PIECE_OF_KIND = Int8Array.of(
  PIECE_VOID,
  0,
  -1,
  -1,
  6,
  12,
  18,
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
  18,
);

/** In place of a piece: a type that takes more than one. */
export const COMPOUND = 255;

/** The longest name with its suffix that libbpf prints. */
export const MAX_SUFFIXED_NAME = 255;

/** The formats to make a {@link LineWriter} for {@link Declarations} of. */
export const C_FORMATS: LineFormats = C.formats;
