import type { SockFilter } from "../../isa/index.ts";
import { ClassicDiagnostic, type Cursor, describe } from "./cursor.ts";

/** `{ 0x28, 0, 0, 0x0000000c },` …: the initialiser of a C array (`tcpdump -dd`, `bpf_asm -c`). */
export function readCArray(cursor: Cursor): SockFilter[] {
  const program: SockFilter[] = [];
  while (!cursor.atEnd) {
    cursor.statement(() => {
      cursor.expect("{");
      program.push(fields(cursor, () => cursor.expect(",")));
      cursor.expect("}");
      if (!cursor.accept(",") && cursor.token.kind !== "end") cursor.expect(",");
    });
  }
  return program;
}

/**
 * A count and then four numbers an instruction: on lines of their own (`tcpdump -ddd`), or all on one line with commas
 * between instructions (bpf_asm, and what iptables and tc take).
 */
export function readDecimal(cursor: Cursor): SockFilter[] {
  const program: SockFilter[] = [];
  const first = cursor.token;
  let count = 0;
  cursor.statement(() => {
    count = cursor.integer("the number of instructions", 0, 0xffff);
    separator(cursor, first.line);
  });
  while (!cursor.atEnd) {
    cursor.statement(() => {
      const line = cursor.token.line;
      program.push(
        fields(cursor, () => {
          if (cursor.token.line !== line) {
            cursor.fail(
              "expected four numbers on the line: code, jt, jf and k",
              ClassicDiagnostic.syntax,
              cursor.previous,
            );
          }
        }),
      );
      separator(cursor, line);
    });
  }
  if (program.length !== count) {
    cursor.report(`expected ${count} instructions, got ${program.length}`, ClassicDiagnostic.count, first);
  }
  return program;
}

function separator(cursor: Cursor, line: number): void {
  if (cursor.accept(",") || cursor.token.kind === "end" || cursor.token.line !== line) return;
  cursor.fail(`expected a comma or the end of the line, got ${describe(cursor.token)}`);
}

function fields(cursor: Cursor, between: () => void): SockFilter {
  const code = cursor.integer("an instruction code", 0, 0xffff);
  between();
  const jt = cursor.integer("jt", 0, 0xff);
  between();
  const jf = cursor.integer("jf", 0, 0xff);
  between();
  const k = cursor.number("k");
  return { code, jt, jf, k };
}
