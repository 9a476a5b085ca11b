import type { CommandFunction } from "./command.ts";
import { findCommand } from "./commands.ts";
import { CommandError } from "./failure.ts";
import { usage, usageOf } from "./usage.ts";

/** `tsbpf help [COMMAND]`, `tsbpf help helper [NAME]`, `tsbpf help kfunc [NAME]`. Of commands, with -j it is `null`, as bpftool's. */
export const run: CommandFunction = async (invocation) => {
  const { io, words, json } = invocation;
  if (words.count > 0 && words.peek === "helper") {
    words.take();
    const { helpHelper } = await import("./help-helper.ts");
    return await helpHelper(invocation);
  }
  if (words.count > 0 && words.peek === "kfunc") {
    words.take();
    const { helpKfunc } = await import("./help-kfunc.ts");
    return await helpKfunc(invocation);
  }
  if (json) {
    io.stdout.write("null\n");
    return 0;
  }
  if (words.count === 0) {
    io.stdout.write(usage());
    return 0;
  }
  const word = words.take();
  const found = findCommand(word);
  if (!("command" in found)) throw new CommandError(`there is no command '${word}'`, { usage: true });
  io.stdout.write(usageOf(found.command));
  return 0;
};
