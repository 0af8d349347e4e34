// Small records in the origin's private file system, written synchronously and durable when `write` returns.
//
// Two files take turns: a write that is cut off leaves the other one, which is the record before.

export class Record2<T> {
  private generation = 0
  private current: T | undefined

  private constructor(private readonly slots: [FileSystemSyncAccessHandle, FileSystemSyncAccessHandle]) {
    for (const slot of slots) {
      const found = read<T>(slot)
      if (found && found.generation > this.generation) {
        this.generation = found.generation
        this.current = found.value
      }
    }
  }

  static async open<T>(name: string): Promise<Record2<T>> {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle('gongdan', { create: true })
    const slot = async (suffix: string) => {
      const file = await folder.getFileHandle(`${name}.${suffix}`, { create: true })
      return file.createSyncAccessHandle()
    }
    return new Record2<T>([await slot('a'), await slot('b')])
  }

  get value(): T | undefined {
    return this.current
  }

  write(value: T): void {
    this.generation += 1
    const slot = this.slots[this.generation % 2 === 0 ? 0 : 1]!
    const body = new TextEncoder().encode(JSON.stringify({ generation: this.generation, value }))
    const bytes = new Uint8Array(body.length + LENGTH_BYTES)
    new DataView(bytes.buffer).setUint32(0, body.length)
    new DataView(bytes.buffer).setUint32(4, checksum(body))
    bytes.set(body, LENGTH_BYTES)
    slot.truncate(bytes.length)
    if (slot.write(bytes, { at: 0 }) !== bytes.length) throw new Error('write a record: cut off')
    slot.flush()
    this.current = value
  }

  /** Writes to both files: what was there before can be read in neither. */
  overwrite(value: T): void {
    this.write(value)
    this.write(value)
  }
}

const LENGTH_BYTES = 8

function read<T>(slot: FileSystemSyncAccessHandle): { generation: number; value: T } | undefined {
  const bytes = new Uint8Array(slot.getSize())
  if (bytes.length < LENGTH_BYTES) return undefined
  slot.read(bytes, { at: 0 })
  const view = new DataView(bytes.buffer)
  const body = bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + view.getUint32(0))
  if (body.length !== view.getUint32(0) || checksum(body) !== view.getUint32(4)) return undefined
  return JSON.parse(new TextDecoder().decode(body)) as { generation: number; value: T }
}

/** FNV-1a: tells a write that was cut off, and nothing more. */
export function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
