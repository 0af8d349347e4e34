// The organisation's configuration, read once it is there.

import { ref, watch } from 'vue'
import type { Catalogue } from '@/domain/types'
import { labelText } from '@/i18n'
import { phone, standing, version } from '@/phone'

const catalogue = ref<Catalogue | null>(null)

async function read(): Promise<void> {
  if (standing.place === 'open') catalogue.value = await phone.catalogue()
}
watch([() => standing.place, () => standing.contact, version], () => void read().catch(() => undefined))

export function useCatalogue() {
  if (!catalogue.value) void read().catch(() => undefined)
  return {
    catalogue,
    productLine: (code: string | null) => {
      const line = catalogue.value?.product_lines.find((each) => each.code === code)
      return line ? labelText(line.label) : (code ?? '')
    },
    personName: (id: string | null) => catalogue.value?.people.find((each) => each.id === id)?.name ?? id ?? '',
    checklist: (line: string | null) => {
      const code = catalogue.value?.product_lines.find((each) => each.code === line)?.checklist
      return catalogue.value?.checklists.find((each) => each.code === code)?.items ?? []
    },
    parts: (line: string | null) => catalogue.value?.product_lines.find((each) => each.code === line)?.parts ?? [],
  }
}
