import { hex64 } from "../base/index.ts";
import { Vm, type VmOptions } from "../vm/index.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { hexArgument } from "./input.ts";

/** `tsbpf vm [MEMORY_HEX] [--program HEX] [--engine ENGINE] [--elf]`: a plugin of bpf_conformance. */
export const run: CommandFunction = async (invocation) => {
  const { io, words, options, json, pretty } = invocation;
  const memory = words.count === 0 ? new Uint8Array(0) : hexArgument(words.take(), "memory");
  words.end();
  const program = await programOf(invocation);
  const engine = (options.value("engine") ?? "interp") as NonNullable<VmOptions["engine"]>;
  const vm = new Vm(program, { engine });
  const result = hex64(vm.run(memory));
  if (json) {
    const { JsonWriter } = await import("../btf/index.ts");
    const writer = new JsonWriter({ pretty });
    writer.startObject().field("r0", result).field("instructions", vm.executed).endObject();
    io.stdout.write(`${writer.out.toString()}\n`);
  } else {
    io.stdout.write(`${result.slice(2)}\n`);
  }
  return 0;
};

async function programOf({ io, options }: Invocation): Promise<Uint8Array> {
  const text = options.value("program") ?? new TextDecoder().decode(await io.readStdin());
  const bytes = hexArgument(text, "program");
  if (bytes.length === 0) throw new CommandError("program: expected instructions, got nothing");
  if (!options.has("elf")) return bytes;
  const { openElf, SectionFlag, SectionType } = await import("../elf/index.ts");
  const elf = openElf(bytes);
  const code = elf.sections.find(
    ({ type, flags, size }) =>
      type === SectionType.PROGBITS && (flags & SectionFlag.EXECINSTR) !== 0 && size > 0,
  );
  if (code === undefined) throw new CommandError("program: expected a section with code, got none");
  return elf.data(code);
}
