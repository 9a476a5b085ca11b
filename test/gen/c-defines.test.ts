import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CDefines } from "../../gen/uapi/c-defines.ts";

const folder = mkdtempSync(join(tmpdir(), "tsbpf-defines-"));
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string, predefined?: Record<string, string>): CDefines {
  const path = join(folder, "header.h");
  writeFileSync(path, text);
  return new CDefines(predefined).read(path);
}

describe("the reader of C macros", () => {
  it("evaluates integer expressions", () => {
    const defines = read(`
#define A (1U << 4)   /* a comment
 over two lines */
#define B (A | 0x3UL)	// another
#define C (~0 & 0xff)
#define D -1
#define E \\
  (2 + 3 * 4)
#define F _IOW('$', 8, __u32)
`);
    expect(["A", "B", "C", "D", "E", "F"].map((name) => defines.value(name))).toEqual([
      16n,
      19n,
      255n,
      -1n,
      14n,
      0x40042408n,
    ]);
  });

  it("gives null for what is no integer constant", () => {
    const defines = read(
      '#define S "text"\n#define M(x) (x)\n#define SELF SELF\n#define U unknown\n#define T (1\n',
    );
    expect(["S", "M", "SELF", "U", "T", "absent"].map((name) => defines.value(name))).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it("follows conditions", () => {
    const text = `
#if defined(X) && BITS == 64
#define A 1
# ifdef Y
#  define B 1
# else
#  define B 2
# endif
#elif BITS == 32
#define A 2
#else
#define A 3
#endif
#ifndef X
#define C 1
#endif
`;
    const values = (predefined: Record<string, string>) => {
      const defines = read(text, predefined);
      return ["A", "B", "C"].map((name) => defines.value(name));
    };
    expect(values({ X: "", BITS: "64" })).toEqual([1n, 2n, null]);
    expect(values({ X: "", Y: "1", BITS: "64" })).toEqual([1n, 1n, null]);
    expect(values({ BITS: "32" })).toEqual([2n, null, 1n]);
    expect(values({ BITS: "64" })).toEqual([3n, null, 1n]);
  });
});
