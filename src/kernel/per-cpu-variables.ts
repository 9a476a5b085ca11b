import { type Btf, BtfKind } from "../btf/index.ts";
import { initPerCpu, perCpuSize } from "../helpers/index.ts";
import { addressOf, type KernelMemory, RegionAccess } from "../mem/index.ts";

/** Per-CPU variables of the kernel that programs have asked for: zeros, but for the number of the CPU itself. */
export class PerCpuVariables {
  readonly #memory: KernelMemory;
  readonly #btf: Btf;
  readonly #cpus: number;
  readonly #addresses = new Map<string, bigint | null>();

  constructor(memory: KernelMemory, btf: Btf, cpus: number) {
    this.#memory = memory;
    this.#btf = btf;
    this.#cpus = cpus;
  }

  /** What a program loads as the address of a variable; null where there is no per-CPU variable of the name. */
  address(name: string): bigint | null {
    let address = this.#addresses.get(name);
    if (address === undefined) {
      address = this.#make(name);
      this.#addresses.set(name, address);
    }
    return address;
  }

  #make(name: string): bigint | null {
    const size = this.#sizeOf(name);
    if (size === null) return null;
    const bytes = perCpuSize(size, this.#cpus);
    const block = this.#memory.alloc(bytes, 64);
    if (block === 0) return null;
    const first = initPerCpu(this.#memory.view(), block, size);
    const end = block + bytes;
    const access = RegionAccess.READ;
    this.#memory.regions.add({ start: first, end, access, stride: 0, size: 0, what: `per-CPU ${name}` });
    if (name === "cpu_number") {
      const stride = (end - first) / this.#cpus;
      for (let cpu = 0; cpu < this.#cpus; cpu++)
        this.#memory.view().setUint32(first + cpu * stride, cpu, true);
    }
    return addressOf(first);
  }

  /** Of a variable in the section of per-CPU data. */
  #sizeOf(name: string): number | null {
    const variable = this.#btf.findByName(name, BtfKind.VAR);
    const section = this.#btf.findByName(".data..percpu", BtfKind.DATASEC);
    if (variable === 0 || section === 0) return null;
    const type = this.#btf.type(section);
    if (type.kind !== "DATASEC") return null;
    return type.variables.find((entry) => entry.type === variable)?.size ?? null;
  }
}
