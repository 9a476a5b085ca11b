import type { Device } from "./device.ts";

/** A packet that a program sent on, beside the one that it was run for. */
export interface PacketCopy {
  readonly device: Device;
  readonly frame: Uint8Array;
  readonly ingress: boolean;
}

/** Copies that go their way at a time: those that more programs make of them on the way are dropped from there on. */
const MOST = 64;

/** Copies of packets (`bpf_clone_redirect`), which go their way once no program runs. */
export class PacketCopies {
  #waiting: PacketCopy[] = [];

  /** @param device offset of the `struct net_device`. */
  add(devices: Iterable<Device>, device: number, frame: Uint8Array, ingress: boolean): void {
    for (const each of devices)
      if (each.device.offset === device && this.#waiting.length < MOST)
        this.#waiting.push({ device: each, frame, ingress });
  }

  /** Lets all of them go, one after the other. */
  send(go: (copy: PacketCopy) => void): void {
    for (let sent = 0; this.#waiting.length > 0 && sent < MOST; sent++) go(this.#waiting.shift()!);
    this.#waiting = [];
  }
}
