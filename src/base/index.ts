// Whoever uses the declarations needs `Disposable`, whatever libraries they have.
/// <reference lib="esnext.disposable" preserve="true" />

export { ByteReader, ByteWriter, type Endian } from "./bytes.ts";
export { CompileError, type Diagnostic, renderDiagnostic, type Severity } from "./diagnostics.ts";
export { FormatError, messageOf, NotSupported, TsbpfError, unreachable } from "./errors.ts";
export { bytesOfHex, hex64, hexOf, high32, low32, s64, U64_MAX, u64 } from "./int64.ts";
export { type Position, SourceText, type Span } from "./source.ts";
export { cString, TextWriter, textOf, utf8 } from "./text.ts";
export { wrapped } from "./wrapped.ts";
