/** Receives output piece by piece; the bytes are valid only during the call. */
export type ByteSink = (chunk: Uint8Array) => void;
