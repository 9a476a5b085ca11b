import type { CommandFunction } from "./command.ts";

/** Whose output and behaviour this version follows. */
const FOLLOWS = { bpftool: "7.8.0", linux: "6.18" } as const;
const FEATURES = { embedded: true, linux: false, jit: true } as const;

/** `tsbpf version`: bpftool's form, where the library is what runs it. */
export const run: CommandFunction = async ({ io, words, json, pretty }) => {
  words.end();
  if (!json) {
    const features = Object.entries(FEATURES).filter(([, present]) => present);
    io.stdout.write(
      `tsbpf v${io.version}\nusing ${io.platform}, after bpftool v${FOLLOWS.bpftool} and Linux ${FOLLOWS.linux}\n` +
        `features: ${features.map(([name]) => name).join(", ")}\n`,
    );
    return 0;
  }
  const { JsonWriter } = await import("../btf/index.ts");
  const writer = new JsonWriter({ pretty });
  writer.startObject().field("version", io.version).field("platform", io.platform);
  writer.field("bpftool_version", FOLLOWS.bpftool).field("linux_version", FOLLOWS.linux);
  writer.name("features").startObject();
  for (const [name, present] of Object.entries(FEATURES)) writer.field(name, present);
  writer.endObject().endObject();
  io.stdout.write(`${writer.out.toString()}\n`);
  return 0;
};
