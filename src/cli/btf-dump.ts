import { type Btf, dumpC, dumpRawJson, dumpRawText } from "../btf/index.ts";
import { Errno } from "../uapi/index.ts";
import { readBtfFile, SYSFS_BTF, SYSFS_VMLINUX, statusOf } from "./btf-file.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { parseUnsigned, type Words } from "./words.ts";

/** As many as bpftool takes. */
const MAX_ROOT_IDS = 16;
const MAX_FILES = 64;

/** What is to be dumped: types, and those of them that a map uses. */
interface Source {
  /** Called after all words are read: a file that is not there is reported before words that make no sense, not after. */
  readonly btf: Btf;
  readonly roots: readonly number[];
}

/** `tsbpf btf dump BTF_SRC [format FORMAT] [root_id ROOT_ID]` */
export async function dumpBtf(invocation: Invocation): Promise<number> {
  const { io, words, json, pretty } = invocation;
  words.need(2);
  const { btf, roots: given } = await sourceOf(invocation);
  const { roots, format, sorted } = formatOf(words, given);
  for (const root of roots) {
    if (!btf.has(root)) throw invalid(`invalid root ID: ${root}`);
  }
  const sink = (chunk: Uint8Array) => io.stdout.write(chunk);
  const selected = roots.length > 0 ? roots : undefined;
  if (format === "c") {
    if (json) {
      throw new CommandError("JSON output for C-syntax dump is not supported", {
        status: statusOf(Errno.EOPNOTSUPP),
      });
    }
    const bpftool = invocation.options.value("bpftool") === "7.1" ? "7.1" : "7.8";
    dumpC(btf, sink, {
      bpftool,
      // 7.1 knew no order but that of ids.
      sorted: sorted && bpftool !== "7.1",
      ...(selected === undefined ? {} : { roots: selected }),
    });
  } else if (json) {
    dumpRawJson(btf, sink, { pretty, ...(selected === undefined ? {} : { ids: selected }) });
    io.stdout.write("\n");
  } else {
    dumpRawText(btf, sink, selected);
  }
  return 0;
}

async function sourceOf(invocation: Invocation): Promise<Source> {
  const { words } = invocation;
  const kind = words.take();
  const kernelSource = ["map", "prog", "id"].find((each) => each.startsWith(kind));
  if (kernelSource !== undefined) {
    const { kernelBtf } = await import("./btf-source.ts");
    return await kernelBtf(invocation, kernelSource as "map" | "prog" | "id");
  }
  if (!"file".startsWith(kind)) throw new CommandError(`unrecognized BTF source specifier: '${kind}'`);
  const files = [words.take()];
  while (words.accept("file")) {
    words.need(1);
    if (files.length === MAX_FILES)
      throw new CommandError(`too many BTF files (max ${MAX_FILES})`, { status: 249 });
    files.push(words.take());
  }
  return { btf: await filesBtf(invocation, files), roots: [] };
}

async function filesBtf({ io, options }: Invocation, files: readonly string[]): Promise<Btf> {
  const basePath = options.value("base-btf");
  let base: Btf | undefined;
  if (basePath !== undefined) base = await readBtfFile(io, basePath);
  const others = files.filter((file) => file !== SYSFS_VMLINUX);
  // The types of a module continue those of the kernel.
  if (base === undefined && others.some((file) => file.startsWith(SYSFS_BTF))) {
    base = await readBtfFile(io, SYSFS_VMLINUX);
  }
  if (others.length <= 1) return await readBtfFile(io, others[0] ?? SYSFS_VMLINUX, base);
  if (base === undefined) {
    throw invalid(
      "base BTF is required when merging multiple BTF files; use -B/--base-btf or use sysfs paths",
    );
  }
  const { mergeBtf } = await import("./btf-merge.ts");
  const parts: Btf[] = [];
  for (const file of others) parts.push(await readBtfFile(io, file, base));
  return mergeBtf(base, parts);
}

function formatOf(words: Words, given: readonly number[]) {
  const roots = [...given];
  let format: "raw" | "c" = "raw";
  let sorted = true;
  while (words.count > 0) {
    if (words.accept("format")) {
      if (words.count === 0) throw invalid("expecting value for 'format' option");
      const word = words.take();
      if (word !== "c" && word !== "raw") {
        throw invalid(`unrecognized format specifier: '${word}', possible values: raw, c`);
      }
      format = word;
    } else if (words.accept("root_id")) {
      if (given.length > 0) throw invalid("cannot use root_id with other type filtering");
      if (roots.length === MAX_ROOT_IDS) {
        throw new CommandError(`only ${MAX_ROOT_IDS} root_id are supported`, {
          status: statusOf(Errno.E2BIG),
        });
      }
      if (words.count === 0) throw invalid("expecting value for 'root_id' option");
      const word = words.take();
      const root = parseUnsigned(word);
      if (root === null) throw new CommandError(`can't parse ${word} as root ID`);
      if (roots.includes(root)) throw invalid(`duplicate root_id ${root} supplied`);
      roots.push(root);
    } else if (words.accept("unsorted")) {
      sorted = false;
    } else {
      throw invalid(`unrecognized option: '${words.peek}'`);
    }
  }
  return { roots, format, sorted };
}

function invalid(message: string): CommandError {
  return new CommandError(message, { status: statusOf(Errno.EINVAL) });
}
