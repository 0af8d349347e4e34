// Something as a file, by the browser's own way of saving.

export function save(name: string, text: string): void {
  saveBytes(name, new Blob([text], { type: 'application/json' }))
}

export function saveBytes(name: string, bytes: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(bytes)
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
