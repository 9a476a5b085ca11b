import { JsonWriter } from "../btf/index.ts";
import { type BpfCommands, type BtfInfo, btfInfo, mapInfo, progInfo } from "../sys/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { attempt } from "./handles.ts";
import { withKernel } from "./kernel-choice.ts";

/** Who uses a BTF object. */
interface Users {
  readonly programs: ReadonlyMap<number, readonly number[]>;
  readonly maps: ReadonlyMap<number, readonly number[]>;
}

/** `tsbpf btf show [id BTF_ID]` */
export async function showBtf(invocation: Invocation): Promise<number> {
  const { io, words, json, pretty } = invocation;
  return await withKernel(invocation, "linux", async ({ sys }) => {
    let only: number | null = null;
    if (words.count === 2) {
      if (!words.accept("id")) throw new CommandError(`expected 'id', got: '${words.peek}'?`);
      only = words.id("ID");
    }
    words.end();
    const users = usersOf(sys);
    const infos = only === null ? allBtf(sys) : [oneBtf(sys, only)];
    if (!json) {
      for (const info of infos) io.stdout.write(`${plainLine(info, users)}\n`);
      return 0;
    }
    const writer = new JsonWriter({ pretty });
    if (only === null) writer.startArray();
    for (const info of infos) writeJson(writer, info, users);
    if (only === null) writer.endArray();
    io.stdout.write(`${writer.out.toString()}\n`);
    return 0;
  });
}

function oneBtf(sys: BpfCommands, id: number): BtfInfo {
  const fd = attempt(`can't get BTF object by id (${id})`, () => sys.btfGetFdById({ id }));
  const info = attempt("can't get BTF object info", () => btfInfo(sys, fd));
  sys.close(fd);
  return info;
}

function allBtf(sys: BpfCommands): BtfInfo[] {
  const infos: BtfInfo[] = [];
  for (let id = sys.btfGetNextId({ startId: 0 }); id !== null; id = sys.btfGetNextId({ startId: id })) {
    infos.push(oneBtf(sys, id));
  }
  return infos;
}

/** The newest user of an object comes first, as in bpftool's table. */
function usersOf(sys: BpfCommands): Users {
  const programs = new Map<number, number[]>();
  const maps = new Map<number, number[]>();
  const note = (table: Map<number, number[]>, btfId: number, id: number) => {
    if (btfId !== 0) table.set(btfId, [id, ...(table.get(btfId) ?? [])]);
  };
  for (let id = sys.progGetNextId({ startId: 0 }); id !== null; id = sys.progGetNextId({ startId: id })) {
    const fd = sys.progGetFdById({ id });
    note(programs, attempt("can't get prog info", () => progInfo(sys, fd)).btfId, id);
    sys.close(fd);
  }
  for (let id = sys.mapGetNextId({ startId: 0 }); id !== null; id = sys.mapGetNextId({ startId: id })) {
    const fd = sys.mapGetFdById({ id });
    note(maps, attempt("can't get map info", () => mapInfo(sys, fd)).btfId, id);
    sys.close(fd);
  }
  return { programs, maps };
}

function plainLine(info: BtfInfo, { programs, maps }: Users): string {
  const name = info.kernelBtf ? `[${info.name}]` : info.name === "" ? "<anon>" : info.name;
  const list = (word: string, ids: readonly number[] | undefined) =>
    ids === undefined ? "" : `  ${word} ${ids.join(",")}`;
  const used = list("prog_ids", programs.get(info.id)) + list("map_ids", maps.get(info.id));
  return `${info.id}: name ${name}  size ${info.btf.length}B${used}`;
}

function writeJson(json: JsonWriter, info: BtfInfo, { programs, maps }: Users): void {
  json.startObject().field("id", info.id).field("size", info.btf.length);
  for (const [name, table] of [
    ["prog_ids", programs],
    ["map_ids", maps],
  ] as const) {
    json.name(name).startArray();
    for (const id of table.get(info.id) ?? []) json.number(id);
    json.endArray();
  }
  json.field("kernel", info.kernelBtf);
  if (info.name !== "") json.field("name", info.name);
  json.endObject();
}
