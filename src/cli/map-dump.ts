import { JsonWriter } from "../btf/index.ts";
import type { BpfCommands, MapInfo } from "../sys/index.ts";
import { mapTypeNames } from "../uapi/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import { type MapHandle, openMaps } from "./handles.ts";
import type { OpenKernel } from "./io.ts";
import { hasTypes, mapBtf } from "./kernel-btf.ts";
import { withKernel } from "./kernel-choice.ts";
import { loadFile } from "./load-file.ts";
import { hasElements, mapEntries } from "./map-entries.ts";
import { entryText, mapHeaderText, writeEntryJson, writeFormatted, writeMapHeader } from "./map-text.ts";

/** Bytes of JSON that are collected before they are written. */
const SLICE = 1 << 16;

/** `tsbpf map dump { MAP | file OBJECT [name MAP_NAME] }` */
export async function dumpMaps(invocation: Invocation): Promise<number> {
  const { words, io } = invocation;
  if (words.count < 2) throw new UsageError();
  if (!words.accept("file")) {
    if (words.count !== 2) throw new UsageError();
    return await withKernel(invocation, "linux", async (kernel) => {
      return dumpAll(invocation, kernel, openMaps(kernel.sys, words));
    });
  }
  const path = words.take();
  const name = words.accept("name") ? words.take() : undefined;
  words.end();
  const show = async (kernel: OpenKernel) => {
    const loaded = await loadFile(io, kernel, path, { mapsOnly: true });
    const maps = name === undefined ? loaded.maps : loaded.maps.filter((map) => isNamed(map, name));
    if (maps.length === 0) {
      const known = loaded.maps.map((map) => map.name).join(", ");
      throw new CommandError(
        name === undefined ? `${path}: has no maps` : `${path}: has no map '${name}', but ${known || "none"}`,
      );
    }
    const shown = maps.filter((map) => hasElements(kernel.sys, map));
    if (shown.length < maps.length) {
      const types = maps
        .filter((map) => !shown.includes(map))
        .map((map) => `${map.name} (${mapTypeNames[map.info.type]})`);
      const what = `elements of maps of these types are not in this version of tsbpf: ${types.join(", ")}`;
      if (shown.length === 0) throw new CommandError(what);
      io.stderr.write(`note: ${what}\n`);
    }
    return dumpAll(invocation, kernel, shown);
  };
  return await withKernel(invocation, "embedded", show, { execute: false, lenient: true });
}

/** A map by its name in the source or the one in the kernel. */
function isNamed(map: { readonly name: string; readonly info: MapInfo }, name: string): boolean {
  return map.name === name || map.info.name === name;
}

function dumpAll(invocation: Invocation, { sys }: OpenKernel, maps: readonly MapHandle[]): number {
  const { io, json, pretty } = invocation;
  if (maps.length === 0) throw new CommandError("no map matches");
  const plainBtf = !json && maps.every(({ info }) => hasTypes(info));
  const headed = maps.length > 1;
  if (!json && !plainBtf) {
    maps.forEach((map, at) => {
      if (headed) io.stdout.write(`${at > 0 ? "\n" : ""}${mapHeaderText(map.info)}`);
      dumpBytes(invocation, sys, map);
    });
    return 0;
  }
  const writer = new JsonWriter({ pretty: pretty || plainBtf });
  if (headed) writer.startArray();
  for (const map of maps) {
    const btf = mapBtf(sys, map.info);
    if (headed) {
      writer.startObject();
      writeMapHeader(writer, map.info);
      writer.name("elements");
    }
    writer.startArray();
    for (const entry of mapEntries(sys, map.fd, map.info)) {
      if (json) writeEntryJson(writer, map.info, entry, btf);
      else if (btf !== null) writeFormatted(writer, map.info, entry, btf, true);
      if (writer.out.length > SLICE) {
        io.stdout.write(writer.out.view());
        writer.out.clear();
      }
    }
    writer.endArray();
    if (headed) writer.endObject();
  }
  if (headed) writer.endArray();
  io.stdout.write(writer.out.view());
  io.stdout.write("\n");
  return 0;
}

function dumpBytes({ io }: Invocation, sys: BpfCommands, { fd, info }: MapHandle): void {
  let count = 0;
  for (const entry of mapEntries(sys, fd, info)) {
    io.stdout.write(entryText(info, entry));
    if (entry.value !== null) count++;
  }
  io.stdout.write(`Found ${count} element${count === 1 ? "" : "s"}\n`);
}
