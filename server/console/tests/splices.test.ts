// A person's edits as splices: applied in order they give what the person sees.

import { describe, expect, it } from 'vitest'
import { record, SPLICES_MAX, type Splice } from '@/domain/splices'

function applied(text: string, splices: readonly Splice[]): string {
  const points = Array.from(text)
  for (const { at, delete: gone, insert } of splices) points.splice(at, gone, ...Array.from(insert))
  return points.join('')
}
const recorded = (texts: string[]) =>
  texts.slice(1).reduce<Splice[]>((splices, after, index) => record(splices, texts[index]!, after), [])

describe('edits', () => {
  it('that touch are one splice, others stay apart', () => {
    expect(recorded(['漏水', '漏水严', '漏水严重'])).toEqual([{ at: 2, delete: 0, insert: '严重' }])
    expect(recorded(['室外机漏水', '室内机漏水', '室内机漏水严重'])).toEqual([
      { at: 1, delete: 1, insert: '内' },
      { at: 5, delete: 0, insert: '严重' },
    ])
  })

  it('are counted in characters, also outside the basic plane', () => {
    expect(recorded(['𠮷田家', '𠮷田家的泵'])).toEqual([{ at: 3, delete: 0, insert: '的泵' }])
  })

  it('that are taken back leave nothing', () => {
    expect(recorded(['漏水', '漏水!', '漏水'])).toEqual([])
  })

  it('give the last text whatever was typed, in no more splices than a command takes', () => {
    let state = 7
    const below = (n: number) => (state = (state * 48271) % 2147483647) % n
    for (let round = 0; round < 200; round++) {
      const texts = [Array.from({ length: 40 }, () => '机泵漏水𠮷'.at(below(4))).join('')]
      for (let edit = 0; edit < 120; edit++) {
        const points = Array.from(texts.at(-1)!)
        points.splice(below(points.length + 1), below(3), ...Array.from({ length: below(3) }, () => ['修', '𠮷', 'x'][below(3)]!))
        texts.push(points.join(''))
      }
      const splices = recorded(texts)
      expect(splices.length).toBeLessThanOrEqual(SPLICES_MAX)
      expect(applied(texts[0]!, splices)).toBe(texts.at(-1))
    }
  })
})
