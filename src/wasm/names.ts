import { textOf } from "../base/index.ts";
import { ModuleReader } from "./module-reader.ts";

/** What the custom section `name` says (specification, appendix "Custom Sections"). */
export interface ModuleNames {
  readonly module: string | undefined;
  readonly functions: ReadonlyMap<number, string>;
  /** Names of parameters and locals, by function. */
  readonly locals: ReadonlyMap<number, ReadonlyMap<number, string>>;
  readonly globals: ReadonlyMap<number, string>;
}

/** Reads the content of a `name` section; subsections of other kinds are passed over. */
export function readNames(section: ModuleReader): ModuleNames {
  let module: string | undefined;
  let functions: ReadonlyMap<number, string> = new Map();
  let globals: ReadonlyMap<number, string> = new Map();
  const locals = new Map<number, ReadonlyMap<number, string>>();
  while (section.remaining > 0) {
    const id = section.u8();
    const content = new ModuleReader(section.vector(), { what: "wasm section name" });
    if (id === 0) module = textOf(content.vector());
    else if (id === 1) functions = readNameMap(content);
    else if (id === 2) {
      for (let count = content.count(); count > 0; count--) {
        locals.set(content.unsigned(), readNameMap(content));
      }
    } else if (id === 7) globals = readNameMap(content);
  }
  return { module, functions, locals, globals };
}

function readNameMap(content: ModuleReader): Map<number, string> {
  const names = new Map<number, string>();
  for (let count = content.count(); count > 0; count--) {
    names.set(content.unsigned(), textOf(content.vector()));
  }
  return names;
}
