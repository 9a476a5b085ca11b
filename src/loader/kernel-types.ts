import { NotSupported } from "../base/index.ts";
import { Btf, type BtfKind, type CoreTarget } from "../btf/index.ts";
import { type BpfCommands, btfInfo, Errno } from "../sys/index.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";

/** A module's types; its descriptor stays open until the kernel's types are closed. */
export interface ModuleTypes extends CoreTarget {
  readonly fd: number;
}

/** A type of the running kernel. */
export interface KernelType {
  readonly btf: Btf;
  readonly id: number;
  /** null for the kernel itself. */
  readonly module: ModuleTypes | null;
}

/** The types of the kernel that a loader speaks to, read when they are first asked for. */
export class KernelTypes implements Disposable {
  readonly #sys: BpfCommands;
  #kernel: Btf | undefined;
  #modules: ModuleTypes[] | undefined;

  /** `known`: the kernel's types, where the caller has them. */
  constructor(sys: BpfCommands, known?: Btf) {
    this.#sys = sys;
    this.#kernel = known;
  }

  /** The kernel's own types: from sysfs, or by their id. NotSupported where it has none. */
  kernel(): Btf {
    return (this.#kernel ??= this.#read());
  }

  /** The modules' types, in order of ids; empty where the kernel does not let them be read. */
  modules(): readonly ModuleTypes[] {
    return (this.#modules ??= this.#readModules());
  }

  /** A type by name and kind: the kernel's, else the first module's that has one. */
  find(name: string, kind: BtfKind): KernelType | null {
    const btf = this.kernel();
    const id = btf.findByName(name, kind);
    if (id !== 0) return { btf, id, module: null };
    for (const module of this.modules()) {
      const own = ownType(module.btf, name, kind);
      if (own !== 0) return { btf: module.btf, id: own, module };
    }
    return null;
  }

  /** A type by name and kind in one module. */
  findIn(moduleName: string, name: string, kind: BtfKind): KernelType | null {
    if (moduleName === "vmlinux") {
      const btf = this.kernel();
      const id = btf.findByName(name, kind);
      return id === 0 ? null : { btf, id, module: null };
    }
    const module = this.modules().find((other) => other.name === moduleName);
    const id = module === undefined ? 0 : ownType(module.btf, name, kind);
    return module === undefined || id === 0 ? null : { btf: module.btf, id, module };
  }

  [Symbol.dispose](): void {
    for (const module of this.#modules ?? []) this.#sys.port.close(module.fd);
    this.#modules = undefined;
  }

  #read(): Btf {
    const file = this.#sys.port.readFile(VMLINUX);
    if (typeof file !== "number") return Btf.parse(file, { what: VMLINUX });
    for (const fd of this.#kernelBtfs()) {
      const info = btfInfo(this.#sys, fd);
      this.#sys.port.close(fd);
      if (info.name === "vmlinux") return Btf.parse(info.btf, { what: "BTF of the kernel" });
    }
    throw new NotSupported("BTF of the kernel", {
      why: `${VMLINUX} cannot be read; give the kernel's BTF to the loader`,
    });
  }

  #readModules(): ModuleTypes[] {
    const names = this.#sys.port.readDirectory("/sys/kernel/btf");
    if (typeof names !== "number" && names.every((name) => name === "vmlinux")) return [];
    const base = this.kernel();
    const modules: ModuleTypes[] = [];
    for (const fd of this.#kernelBtfs()) {
      const { name, kernelBtf, btf } = btfInfo(this.#sys, fd);
      if (!kernelBtf || name === "vmlinux") {
        this.#sys.port.close(fd);
        continue;
      }
      modules.push({ name, fd, btf: Btf.parse(btf, { base, what: `BTF of module ${name}` }) });
    }
    return modules;
  }

  /** Descriptors of all BTF objects; whoever takes one closes it. */
  *#kernelBtfs(): Generator<number> {
    const sys = this.#sys;
    for (let id = this.#nextId(0); id !== null; id = this.#nextId(id)) {
      try {
        yield sys.btfGetFdById({ id });
      } catch (error) {
        // Unloaded meanwhile.
        if (!(error instanceof Errno) || error.code !== "ENOENT") throw error;
      }
    }
  }

  #nextId(startId: number): number | null {
    try {
      return this.#sys.btfGetNextId({ startId });
    } catch (error) {
      // Without the right to look there are no modules for us.
      if (error instanceof Errno && (error.code === "EPERM" || error.code === "EINVAL")) return null;
      throw error;
    }
  }
}

function ownType(btf: Btf, name: string, kind: BtfKind): number {
  return btf.findAllByName(name).find((id) => id >= btf.firstId && btf.kind(id) === kind) ?? 0;
}
