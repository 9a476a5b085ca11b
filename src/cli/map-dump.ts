import { JsonWriter } from "../btf/index.ts";
import type { BpfCommands, MapInfo } from "../sys/index.ts";
import { mapTypeNames } from "../uapi/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError, FAILED } from "./failure.ts";
import { type MapHandle, openMaps } from "./handles.ts";
import type { OpenKernel } from "./io.ts";
import { hasTypes, mapBtf } from "./kernel-btf.ts";
import { withKernel } from "./kernel-choice.ts";
import { loadFile } from "./load-file.ts";
import { mapEntries, type Unlisted, unlisted } from "./map-entries.ts";
import { entryText, mapHeaderText, writeEntryJson, writeFormatted, writeMapHeader } from "./map-text.ts";

/** Bytes of JSON that are collected before they are written. */
const SLICE = 1 << 16;

/** A map that a dump asks for, by the name that people know it by. */
interface NamedMap extends MapHandle {
  readonly name: string;
}

/** `tsbpf map dump { MAP | file OBJECT [name MAP_NAME] }` */
export async function dumpMaps(invocation: Invocation): Promise<number> {
  const { words, io } = invocation;
  words.need(2);
  if (!words.accept("file")) {
    return await withKernel(invocation, "linux", async ({ sys }) => {
      const maps = openMaps(sys, words);
      words.end();
      return dumpAll(
        invocation,
        sys,
        maps.map((map) => ({ ...map, name: map.info.name === "" ? `map ${map.info.id}` : map.info.name })),
      );
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
    return dumpAll(invocation, kernel.sys, maps);
  };
  return await withKernel(invocation, "embedded", show, { execute: false, lenient: true });
}

/** A map by its name in the source or the one in the kernel. */
function isNamed(map: { readonly name: string; readonly info: MapInfo }, name: string): boolean {
  return map.name === name || map.info.name === name;
}

/**
 * Shows the maps, and says of those whose elements cannot be listed why. That is no failure where it is so for their
 * type and others were shown.
 */
function dumpAll(invocation: Invocation, sys: BpfCommands, maps: readonly NamedMap[]): number {
  const { io, json } = invocation;
  if (maps.length === 0) throw new CommandError("no map matches");
  const unshown = new Map<NamedMap, Unlisted>();
  for (const map of maps) {
    const problem = unlisted(sys, map);
    if (problem !== null) unshown.set(map, problem);
  }
  const shown = maps.filter((map) => !unshown.has(map));
  const problems = [...unshown].map(([map, { why }]) => `${map.name} (${typeName(map.info)}): ${why}`);
  if (shown.length === 0 && (maps.length === 1 || !json)) throw new CommandError(problems.join("\n"));
  if (json || shown.every(({ info }) => hasTypes(info))) {
    dumpByTypes(invocation, sys, json ? maps : shown, unshown, maps.length > 1);
  } else {
    shown.forEach((map, at) => {
      if (maps.length > 1) io.stdout.write(`${at > 0 ? "\n" : ""}${mapHeaderText(map.info)}`);
      dumpBytes(invocation, sys, map);
    });
  }
  // In JSON it stands with the map.
  if (!json) for (const problem of problems) io.stderr.write(`not shown: ${problem}\n`);
  return shown.length > 0 && [...unshown.values()].every(({ expected }) => expected) ? 0 : FAILED;
}

/** In JSON; without -j, in the form that bpftool has for elements by their types. */
function dumpByTypes(
  { io, json, pretty }: Invocation,
  sys: BpfCommands,
  maps: readonly NamedMap[],
  unshown: ReadonlyMap<NamedMap, Unlisted>,
  headed: boolean,
): void {
  const writer = new JsonWriter({ pretty: pretty || !json });
  if (headed) writer.startArray();
  for (const map of maps) {
    const problem = unshown.get(map);
    if (headed) {
      writer.startObject();
      writeMapHeader(writer, map.info);
      if (problem !== undefined) {
        writer.field("error", problem.why).endObject();
        continue;
      }
      writer.name("elements");
    }
    const btf = mapBtf(sys, map.info);
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
}

function typeName({ type }: MapInfo): string {
  return mapTypeNames[type] ?? `type ${type}`;
}

function dumpBytes({ io }: Invocation, sys: BpfCommands, { fd, info }: MapHandle): void {
  let count = 0;
  for (const entry of mapEntries(sys, fd, info)) {
    io.stdout.write(entryText(info, entry));
    if (entry.value !== null) count++;
  }
  io.stdout.write(`Found ${count} element${count === 1 ? "" : "s"}\n`);
}
