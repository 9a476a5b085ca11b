import { expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const fixes = (section: string | undefined) => {
  const program = section === undefined ? {} : { program: { section } };
  return explainLog("vfs_read is not sleepable\n", program)!;
};

it("a function that takes no programs that sleep has another section for those that do not", () => {
  const { code, headline, fixes: found } = fixes("fentry.s/vfs_read");
  expect([code, headline]).toEqual([
    "attach-target",
    "vfs_read may not be attached to by programs that sleep",
  ]);
  expect(found[0]!.code).toBe('SEC("fentry/vfs_read")');
  expect(fixes("fexit.s/vfs_read").fixes[0]!.code).toBe('SEC("fexit/vfs_read")');
  expect(fixes(undefined).fixes[0]!.code).toBe('SEC("fentry/vfs_read")');
});

it("other functions are looked for", () => {
  const { headline } = explainLog("The address of function nothing cannot be found\n")!;
  expect(headline).toMatch(/does not exist/);
});
