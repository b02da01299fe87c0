// The program that holds a pod's namespaces open: it sleeps until it is killed. So small that it is written here as an
// ELF file for either processor, which spares the machine a C compiler.

const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const LOAD_ADDRESS = 0x400000n;

interface Machine {
  /** The processor's number in an ELF header. */
  readonly elf: number;
  readonly code: Buffer;
}

const words = (...values: number[]): Buffer => {
  const code = Buffer.alloc(values.length * 4);
  values.forEach((value, at) => code.writeUInt32LE(value, at * 4));
  return code;
};

const machines: Record<string, Machine> = {
  // mov eax, 34 (pause); syscall; jump back
  x64: { elf: 62, code: Buffer.from([0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]) },
  // x0..x3 = 0; x8 = 73 (ppoll); svc 0; jump back
  arm64: {
    elf: 183,
    code: words(0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800928, 0xd4000001, 0x17fffffa),
  },
};

/** An executable for `arch` (Node's name for it) that does nothing until it is killed. */
export function pauseProgram(arch: string = process.arch): Buffer {
  const machine = machines[arch];
  if (!machine) throw new Error(`The local cluster runs on x64 and arm64, not on ${arch}.`);
  const size = BigInt(ELF_HEADER + PROGRAM_HEADER + machine.code.length);
  const elf = Buffer.alloc(ELF_HEADER + PROGRAM_HEADER);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(2, 16); // an executable
  elf.writeUInt16LE(machine.elf, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(LOAD_ADDRESS + BigInt(ELF_HEADER + PROGRAM_HEADER), 24); // entry point
  elf.writeBigUInt64LE(BigInt(ELF_HEADER), 32);
  elf.writeUInt16LE(ELF_HEADER, 52);
  elf.writeUInt16LE(PROGRAM_HEADER, 54);
  elf.writeUInt16LE(1, 56); // one program header: load the whole file, readable and executable
  elf.writeUInt32LE(1, ELF_HEADER);
  elf.writeUInt32LE(5, ELF_HEADER + 4);
  elf.writeBigUInt64LE(LOAD_ADDRESS, ELF_HEADER + 16);
  elf.writeBigUInt64LE(LOAD_ADDRESS, ELF_HEADER + 24);
  elf.writeBigUInt64LE(size, ELF_HEADER + 32);
  elf.writeBigUInt64LE(size, ELF_HEADER + 40);
  elf.writeBigUInt64LE(0x1000n, ELF_HEADER + 48);
  return Buffer.concat([elf, machine.code]);
}
