// A photo as the phone keeps it: drawn anew, so that nothing of the file's EXIF (place, device, time) comes along.

import { fitted, QUALITY } from '@/domain/photo'

export async function redrawn(file: Blob): Promise<Uint8Array> {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' })
  const { width, height } = fitted(picture.width, picture.height)
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  canvas.getContext('2d')?.drawImage(picture, 0, 0, width, height)
  picture.close()
  const jpeg = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY))
  if (!jpeg) throw new Error('draw a photo anew: no picture')
  return new Uint8Array(await jpeg.arrayBuffer())
}
