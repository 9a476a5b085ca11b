import type { Offer } from "../kernel/index.ts";
import { errnoName } from "../uapi/index.ts";

/** What the embedded kernel does with a call, in words. */
export function offerText({ status, answer, note }: Offer): string {
  const because = note === null ? "" : `: ${note[0]!.toLowerCase()}${note.slice(1).replace(/\.$/, "")}`;
  switch (status) {
    case "works":
      return `works${because}`;
    case "constant":
      return `always gives ${answerText(answer ?? 0)}${because}`;
    default:
      return `programs that call it are refused when they load (EOPNOTSUPP): "${note}"`;
  }
}

function answerText(answer: number): string {
  return answer < 0 ? errnoName(-answer) : `${answer}`;
}
