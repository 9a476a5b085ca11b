/**
 * The platform globals that code below ring 6 may use: what Node and every browser share.
 * Nothing else is declared, so the compiler proves that these rings need neither Node nor a DOM.
 */
declare class TextEncoder {
  encode(input?: string): Uint8Array;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBufferView | ArrayBufferLike, options?: { stream?: boolean }): string;
}

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * Milliseconds since the start of the process, page or worker, monotonic, with as much precision as the platform gives;
 * and when that was.
 */
declare const performance: { now(): number; readonly timeOrigin: number };

/** The bytes of a base64 text, as characters. */
declare function atob(text: string): string;

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;
