// Writes tar entries (ustar) with fixed owners and times: the same input always gives the same bytes.

const BLOCK = 512;

export type TarType = "file" | "directory" | "symlink";

export interface TarHeader {
  /** Path inside the archive, without a leading slash. */
  readonly path: string;
  readonly type: TarType;
  readonly mode: number;
  /** Bytes of content that follow the header; 0 for everything but files. */
  readonly size: number;
  /** Target of a symlink. */
  readonly target?: string;
}

const typeFlags: Record<TarType, string> = { file: "0", symlink: "2", directory: "5" };

/** The header block of one entry. Throws if the path does not fit the format. */
export function tarHeader(header: TarHeader): Buffer {
  const block = Buffer.alloc(BLOCK);
  const path = header.type === "directory" ? `${header.path.replace(/\/$/, "")}/` : header.path;
  const { prefix, name } = splitPath(path);
  block.write(name, 0, 100, "utf8");
  block.write(octal(header.mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(header.size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write(" ".repeat(8), 148);
  block.write(typeFlags[header.type], 156);
  block.write(header.target ?? "", 157, 100, "utf8");
  block.write("ustar\x0000", 257, "latin1");
  block.write(prefix, 345, 155, "utf8");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Zeros that fill the last block of a content of `size` bytes. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** The two empty blocks that end an archive. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * BLOCK);

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`;

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: "", name: path };
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (name && Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return { prefix, name };
  }
  throw new Error(`The path ${path} is too long for a tar archive.`);
}
