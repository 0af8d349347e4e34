// The languages of the app: Chinese first. Invariant: `<html lang>` is the language shown.

import { Locale as VantLocale } from 'vant'
import vantEn from 'vant/es/locale/lang/en-US'
import vantZh from 'vant/es/locale/lang/zh-CN'
import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import type { Label } from '@/domain/types'
import en from '@/locales/en.json'
import zhCN from '@/locales/zh-CN.json'

export const LOCALES = ['zh-CN', 'en'] as const
export type Locale = (typeof LOCALES)[number]
const KEPT_AS = 'gongdan.phone.locale'

const kept = localStorage.getItem(KEPT_AS)
export const i18n = createI18n({
  legacy: false,
  locale: LOCALES.find((locale) => locale === kept) ?? 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN, en },
})

export const locale = computed(() => i18n.global.locale.value as Locale)

export function setLocale(to: Locale): void {
  i18n.global.locale.value = to
  localStorage.setItem(KEPT_AS, to)
  show()
}

export function show(): void {
  document.documentElement.lang = locale.value
  document.title = i18n.global.t('app.title')
  if (locale.value === 'en') VantLocale.use('en-US', vantEn)
  else VantLocale.use('zh-CN', vantZh)
}

export const t = i18n.global.t
export const te = (key: string) => i18n.global.te(key) || i18n.global.te(key, 'zh-CN')

/** The text of a code in a family of codes; the code itself where there is none. */
export function codeText(family: string, code: string): string {
  return te(`${family}.${code}`) ? t(`${family}.${code}`) : code
}

export function labelText(label: Label): string {
  return locale.value === 'zh-CN' ? label.zh || label.en : label.en || label.zh
}

/** An instant in the phone's own zone, as people write it. */
export function timeText(at: string | number): string {
  const style = { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false } as const
  return new Intl.DateTimeFormat(locale.value, style).format(new Date(at))
}
