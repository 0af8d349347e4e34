// Failures as people read them: chosen by the problem's code, never by its prose.

import { ElMessage } from 'element-plus'
import { ApiProblem } from '@/api/http'
import type { Verdict } from '@/api/types'
import { codeText, t, te } from '@/i18n'

export function problemText(error: unknown): string {
  if (!(error instanceof ApiProblem)) return t('problem.unexpected')
  return reasonText(error.code) ?? reasonText(`http_${error.status}`) ?? t('problem.fallback', { code: error.code })
}

function reasonText(code: string): string | undefined {
  return te(`problem.${code}`) ? t(`problem.${code}`) : undefined
}

/** Shows a failure; what is no problem of the API is a defect and goes to the browser's log as well. */
export function report(error: unknown): void {
  if (!(error instanceof ApiProblem)) console.error(error)
  ElMessage.error({ message: problemText(error), grouping: true })
}

/** Shows what became of what was sent: the worst of its verdicts. */
export function tellVerdicts(verdicts: readonly Verdict[]): void {
  const worst = (['refused', 'quarantined', 'held'] as const)
    .map((name) => verdicts.find(({ verdict }) => verdict === name))
    .find((verdict) => verdict !== undefined)
  if (!worst) {
    ElMessage.success({ message: t('verdict.admitted'), grouping: true })
    return
  }
  const why = typeof worst.reason === 'object' ? reasonText(worst.reason.code) : undefined
  const type = worst.verdict === 'refused' ? 'error' : 'warning'
  ElMessage({ type, message: [codeText('verdict', worst.verdict), why].filter(Boolean).join(' ') })
}
