/** What a program is to be run on. */
export interface RunInput {
  readonly pcap: string | undefined;
  readonly data: Uint8Array | undefined;
  readonly ctx: Uint8Array | undefined;
  readonly repeat: number;
}
