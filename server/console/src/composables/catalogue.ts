// What the organisation configured: names of codes and people. One for the whole page.

import { computed, readonly, shallowRef } from 'vue'
import { api } from '@/api/client'
import type { Catalogue, Entry } from '@/api/types'
import { fullTime, shortTime } from '@/domain/time'
import { labelText, t } from '@/i18n'

const current = shallowRef<Catalogue | null>(null)

export const catalogue = readonly(current)
export const zone = computed(() => current.value?.zone ?? 'Asia/Shanghai')

export async function loadCatalogue(): Promise<void> {
  current.value = await api.catalogue()
}

/** The name of a person of the catalogue; the employee number where it is unknown. */
export function personName(id: string): string {
  return current.value?.people.find((person) => person.id === id)?.name ?? id
}

function entryText(entries: readonly Entry[] | undefined, code: string): string {
  const entry = entries?.find((candidate) => candidate.code === code)
  return entry ? labelText(entry.label) : code
}

export const regionText = (code: string) => entryText(current.value?.regions, code)
export const unitText = (code: string) => entryText(current.value?.units, code)
export const groupText = (code: string) => entryText(current.value?.groups, code)
export const productLineText = (code: string) => entryText(current.value?.product_lines, code)

/** A checklist item's text, whichever list it is on. */
export function checklistText(item: string): string {
  return entryText(current.value?.checklists.flatMap((list) => list.items), item)
}

/** Items of the checklist that a product line works by, in the order of the procedure. */
export function checklistOf(productLine: string | null): readonly Entry[] {
  const code = current.value?.product_lines.find((line) => line.code === productLine)?.checklist
  return current.value?.checklists.find((list) => list.code === code)?.items ?? []
}

export const time = (instant: string | null) => shortTime(instant, zone.value)
export const exactTime = (instant: string | null) => fullTime(instant, zone.value)

/** A device as people call it; the server's own, by which the console writes, has no name of its own. */
export function deviceName(name: string): string {
  return name === 'desk' ? t('ticket.console') : name
}
