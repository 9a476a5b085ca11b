import { afterAll, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { catalogue } from "../support/catalogue.ts";
import { KernelVerifier } from "../support/kernel-verifier.ts";
import { LogLevel } from "../support/verifier-answer.ts";

describeWith([liveKernel("6.18")], "the running kernel", async () => {
  const live = await KernelVerifier.live();
  if (typeof live === "string") {
    it.skip(`skipped: ${live}`, () => {});
    return;
  }
  afterAll(() => live.close());

  it.each(catalogue())(
    "refuses the program of $code, and its log is explained so",
    async ({ code, rejected }) => {
      const logLevel = code === "too-complex" ? LogLevel.stats : LogLevel.two;
      const { errno, log } = await live.verify(rejected, { logLevel });
      expect(errno).not.toBe(0);
      expect(explainLog(log, { refused: true })?.code).toBe(code);
    },
  );

  it.each(catalogue())("accepts the mended program of $code", async ({ mended }) => {
    const { errno, log } = await live.verify(mended, { logLevel: LogLevel.one });
    expect(errno, log).toBe(0);
  });
});
