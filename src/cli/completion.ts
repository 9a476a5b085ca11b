import type { CommandFunction } from "./command.ts";
import { bashCompletion } from "./completion/bash.ts";
import { fishCompletion } from "./completion/fish.ts";
import { zshCompletion } from "./completion/zsh.ts";
import { CommandError, UsageError } from "./failure.ts";

const SHELLS: Readonly<Record<string, () => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `tsbpf completion { bash | zsh | fish }` */
export const run: CommandFunction = async ({ io, words }) => {
  const names = Object.keys(SHELLS).join(", ");
  if (words.count === 0) throw new UsageError(`expected a shell: ${names}`);
  const shell = words.take();
  words.end();
  const script = SHELLS[shell];
  if (script === undefined) throw new CommandError(`expected one of ${names}, got '${shell}'`);
  io.stdout.write(script());
  return 0;
};
