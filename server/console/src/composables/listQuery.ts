// The list's filters, kept in the address so that a view can be sent to a colleague.
// Invariant: whatever filter changes, paging starts anew.

import { computed, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { TicketQuery } from '@/api/types'

const NAMES = ['q', 'status', 'grade', 'region', 'lead', 'due', 'waiting_for', 'order'] as const
type Name = (typeof NAMES)[number]
export const PAGE_ITEMS = 50

export function useListQuery() {
  const route = useRoute()
  const router = useRouter()
  /** Cursors of the pages behind the one shown, the first page's absence of one included. */
  const behind = ref<(string | undefined)[]>([])
  const after = ref<string>()

  const text = (name: string): string => {
    const value = route.query[name]
    return typeof value === 'string' ? value : ''
  }
  const filter = (name: Name) =>
    computed({ get: () => text(name), set: (value: string | undefined) => put({ [name]: value ?? '' }) })
  const conflicts = computed({
    get: () => text('conflicts') === 'true',
    set: (only: boolean) => put({ conflicts: only ? 'true' : '' }),
  })

  function put(changed: Record<string, string>): void {
    const query = Object.fromEntries(
      Object.entries({ ...route.query, ...changed }).filter(([, value]) => value !== '' && value !== null),
    )
    void router.replace({ path: '/tickets', query })
  }

  const query = computed<TicketQuery>(() => ({
    ...Object.fromEntries(NAMES.map((name) => [name, text(name)])),
    conflicts: conflicts.value,
    limit: PAGE_ITEMS,
    after: after.value,
  }))
  const filtered = computed(() => NAMES.some((name) => name !== 'order' && text(name) !== '') || conflicts.value)

  watch(
    () => route.query,
    () => {
      behind.value = []
      after.value = undefined
    },
  )

  return {
    query,
    filtered,
    conflicts,
    q: filter('q'),
    status: filter('status'),
    grade: filter('grade'),
    region: filter('region'),
    lead: filter('lead'),
    due: filter('due'),
    waitingFor: filter('waiting_for'),
    order: filter('order'),
    page: computed(() => behind.value.length + 1),
    reset: () => void router.replace({ path: '/tickets' }),
    forward(next: string) {
      behind.value.push(after.value)
      after.value = next
    },
    back() {
      after.value = behind.value.pop()
    },
  }
}
