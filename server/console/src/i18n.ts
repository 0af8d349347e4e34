// The languages of the console: Chinese first. Invariant: `<html lang>` is the language shown.

import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import type { Label } from '@/api/types'
import en from '@/locales/en.json'
import zhCN from '@/locales/zh-CN.json'

export const LOCALES = ['zh-CN', 'en'] as const
export type Locale = (typeof LOCALES)[number]

const KEPT_AS = 'gongdan.locale'

function kept(): Locale {
  const found = localStorage.getItem(KEPT_AS)
  return LOCALES.find((locale) => locale === found) ?? 'zh-CN'
}

export const i18n = createI18n({
  legacy: false,
  locale: kept(),
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN, en },
})

export const locale = computed(() => i18n.global.locale.value as Locale)

export function setLocale(to: Locale): void {
  i18n.global.locale.value = to
  localStorage.setItem(KEPT_AS, to)
  show()
}

/** Tells the document its language; a screen reader and the fonts go by it. */
export function show(): void {
  document.documentElement.lang = locale.value
  document.title = i18n.global.t('app.title')
}

export const t = i18n.global.t
export const te = i18n.global.te

/** The text of a code in a family of codes; the code itself where there is none. */
export function codeText(family: string, code: string): string {
  const key = `${family}.${code}`
  return te(key) || te(key, 'zh-CN') ? t(key) : code
}

/** A label of the catalogue in the language shown. */
export function labelText(label: Label): string {
  return locale.value === 'zh-CN' ? label.zh || label.en : label.en || label.zh
}
