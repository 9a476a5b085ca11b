import { hexOf } from "../base/index.ts";
import type { BpfCommands } from "../sys/index.ts";
import { Errno, type MapInfo, mapInfo, type ProgInfo, progInfo } from "../sys/index.ts";
import { BpfMapFlag, errnoMessage } from "../uapi/index.ts";
import { CommandError } from "./failure.ts";
import type { Words } from "./words.ts";

/** The text of what a kernel answered, without the name of the call, as bpftool prints it. */
function reasonOf(error: Errno): string {
  return errnoMessage(error.errno);
}

/** Runs a call and puts words before what the kernel answers. */
export function attempt<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    throw new CommandError(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}

/** A map that a command line names, open. */
export interface MapHandle {
  readonly fd: number;
  readonly info: MapInfo;
}

/** Opens the maps of `{ id MAP_ID | pinned FILE | name MAP_NAME }`: none or several for a name. */
export function openMaps(sys: BpfCommands, words: Words): MapHandle[] {
  const infoOf = (fd: number): MapHandle => ({
    fd,
    info: attempt("can't get map info", () => mapInfo(sys, fd)),
  });
  if (words.accept("id")) {
    const id = words.id("ID");
    const openFlags = BpfMapFlag.RDONLY;
    return [infoOf(attempt(`get map by id (${id})`, () => sys.mapGetFdById({ id, openFlags })))];
  }
  if (words.accept("name")) {
    const name = words.take();
    if (name.length > 15) throw new CommandError("can't parse name");
    return mapsNamed(sys, name);
  }
  if (words.accept("pinned")) {
    const path = words.take();
    const fd = attempt(`bpf obj get (${path})`, () =>
      sys.objGet({ pathname: path, fileFlags: BpfMapFlag.RDONLY }),
    );
    return [infoOf(fd)];
  }
  throw new CommandError(`expected 'id', 'name' or 'pinned', got: '${words.peek}'?`);
}

function mapsNamed(sys: BpfCommands, name: string): MapHandle[] {
  const found: MapHandle[] = [];
  for (let id = sys.mapGetNextId({ startId: 0 }); id !== null; id = sys.mapGetNextId({ startId: id })) {
    const wanted = id;
    const fd = attempt(`can't get map by id (${id})`, () =>
      sys.mapGetFdById({ id: wanted, openFlags: BpfMapFlag.RDONLY }),
    );
    const info = attempt(`can't get map info (${id})`, () => mapInfo(sys, fd));
    if (info.name === name) found.push({ fd, info });
    else sys.close(fd);
  }
  return found;
}

/** Opens the programs of `{ id PROG_ID | pinned FILE | tag PROG_TAG | name PROG_NAME }`. */
export function openPrograms(sys: BpfCommands, words: Words): number[] {
  if (words.accept("id")) {
    const id = words.id("ID");
    return [attempt(`get by id (${id})`, () => sys.progGetFdById({ id }))];
  }
  if (words.accept("tag")) {
    const tag = words.take();
    if (!/^[0-9a-fA-F]{16}$/.test(tag)) throw new CommandError("can't parse tag");
    return programsWhere(sys, (info) => hexOf(info.tag) === tag.toLowerCase());
  }
  if (words.accept("name")) {
    const name = words.take();
    if (name.length > 127) throw new CommandError("can't parse name");
    return programsWhere(
      sys,
      (info) => info.name === name || (info.name.length === 15 && name.startsWith(info.name)),
    );
  }
  if (words.accept("pinned")) {
    const path = words.take();
    return [attempt(`bpf obj get (${path})`, () => sys.objGet({ pathname: path }))];
  }
  throw new CommandError(`expected 'id', 'tag', 'name' or 'pinned', got: '${words.peek}'?`);
}

function programsWhere(sys: BpfCommands, wanted: (info: ProgInfo) => boolean): number[] {
  const found: number[] = [];
  for (let id = sys.progGetNextId({ startId: 0 }); id !== null; id = sys.progGetNextId({ startId: id })) {
    const current = id;
    const fd = attempt(`can't get prog by id (${id})`, () => sys.progGetFdById({ id: current }));
    const info = attempt(`can't get prog info (${id})`, () => progInfo(sys, fd));
    if (wanted(info)) found.push(fd);
    else sys.close(fd);
  }
  return found;
}

/** The one handle of several: bpftool's words where it is not one. */
export function onlyOne<T>(handles: readonly T[], what: string): T {
  if (handles.length > 1) throw new CommandError(`several ${what} match this handle`);
  if (handles.length === 0) throw new CommandError(`no ${what} match this handle`);
  return handles[0]!;
}
