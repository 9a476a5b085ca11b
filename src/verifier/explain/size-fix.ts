import { HELPER_PROTOTYPES } from "../../platform/index.ts";
import { callName } from "./cause.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { argumentsIn } from "./source-text.ts";

/**
 * A call with a size that fits, as C where its line shows the arguments: `register` has the memory, `room` bytes of it
 * (null: the log does not say).
 */
export function sizeFix(
  refusal: Refusal,
  call: string,
  register: number,
  room: number | null,
): Finding["fixes"][number] {
  const text = `Pass the size of what the pointer leads to${room === null ? "" : `: at most ${room}`}.`;
  const name = callName(call);
  const helper = HELPER_PROTOTYPES.get(Number(call.split("#")[1]));
  const size = helper?.args.findIndex(({ type }, i) => i >= register && /^ARG_CONST_SIZE/.test(type)) ?? -1;
  if (/^ARG_PTR_TO_MAP_(?:KEY|VALUE)$/.test(helper?.args[register - 1]?.type ?? "")) {
    return fix(
      "The map decides how many bytes are used (key_size, value_size): pass the address of a variable of the type that the map is declared with.",
    );
  }
  const given = argumentsIn(refusal.last?.step.source?.text ?? "", name);
  const buffer = given?.[register - 1]?.replace(/^&/, "");
  if (given === null || size !== register || buffer === undefined || !/^\w+(?:->\w+|\.\w+)*$/.test(buffer))
    return fix(text, `${name}(…, sizeof(…), …);`);
  // An array on the stack, or a member, is the memory itself; a variable elsewhere points at it.
  const pointer = /^\w+$/.test(buffer) && !given[register - 1]!.startsWith("&");
  const stack = /^fp/.test(refusal.known(register) ?? "");
  const measured = `sizeof(${pointer && !stack ? "*" : ""}${buffer})`;
  return fix(text, `${name}(${given.map((each, i) => (i === size ? measured : each)).join(", ")});`);
}
