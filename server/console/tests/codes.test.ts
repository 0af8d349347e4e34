// The console's codes are core's, read from core's sources.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AUDIT_ACTIONS } from '@/domain/audit'
import * as codes from '@/domain/codes'

const core = (path: string) => readFileSync(join(import.meta.dirname, '../../../core/src', path), 'utf8')
const snake = (name: string) => name.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase()

/** Variants of `pub enum NAME { … }` in the order of the source. */
function variants(source: string, name: string): string[] {
  const body = new RegExp(`pub enum ${name} \\{(.*?)^\\}`, 'ms').exec(source)?.[1] ?? ''
  const plain = body
    .replace(/\/\/.*$/gm, '')
    .replace(/#\[[^\]]*\]/g, '')
    .replace(/\{[^}]*\}/g, '')
  return plain.split(',').map((variant) => variant.trim()).filter((variant) => variant !== '').map(snake)
}

const command = core('ticket/command.rs')
const status = core('ticket/status.rs')
const verdict = core('sync/verdict.rs')

describe('codes', () => {
  it.each([
    ['statuses', status, 'Status', codes.STATUSES],
    ['events', status, 'EventKind', codes.EVENT_KINDS],
    ['actions', command, 'Action', codes.ACTIONS],
    ['what is waited for', command, 'WaitingFor', codes.WAITING_FOR],
    ['capacities', command, 'Capacity', codes.CAPACITIES],
    ['methods', command, 'ConfirmationMethod', codes.CONFIRMATION_METHODS],
    ['collections', command, 'Collection', codes.COLLECTIONS],
    ['roles', core('policy.rs'), 'Role', codes.ROLES],
    ['capabilities', core('policy/capability.rs'), 'Capability', codes.CAPABILITIES],
    ['parts', core('ids.rs'), 'Part', codes.PARTS],
    ['verdicts', verdict, 'Verdict', codes.VERDICTS],
    ['reasons of quarantine', verdict, 'QuarantineReason', codes.QUARANTINE_REASONS],
  ])('%s are those of core', (_, source, name, ours) => {
    const theirs = variants(source, name)
    expect(theirs.length).toBeGreaterThan(1)
    expect([...ours]).toEqual(theirs)
  })

  it('actions of the audit chain are those of the server', () => {
    const source = readFileSync(join(import.meta.dirname, '../../src/audit.rs'), 'utf8')
    expect(variants(source, 'Action')).toEqual([...AUDIT_ACTIONS])
  })

  it('every command is an action of the same name', () => {
    expect(variants(command, 'Command')).toEqual([...codes.ACTIONS])
  })

  it('fields are those of core: names, parts, sections, kinds and choices', () => {
    const source = core('ticket/field.rs')
    const list = (text: string) => [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]!)
    const constants = new Map(
      [...source.matchAll(/pub const (\w+): &\[&str\] = &\[([^\]]*)\]/g)].map((match) => [match[1]!, list(match[2]!)]),
    )
    const rows = [...source.matchAll(/^ +\d+ +\w+ (\w+) "(\w+)" "(\w+)" Kind::(\w+)(?:\((?:&\[([^\]]*)\]|(\w+))\))?/gm)]
    const theirs = rows.map(([, part, section, name, kind, choices, constant]) => ({
      name, part: part!.toLowerCase(), section, kind: kind!.toLowerCase(),
      choices: choices ? list(choices) : constant ? constants.get(constant) : undefined,
    }))
    expect(theirs.length).toBeGreaterThan(40)
    const ours = codes.FIELD_NAMES.map((name) => ({ name, choices: undefined, ...codes.FIELDS[name] }))
    expect(ours).toEqual(theirs)
  })

  it('fields that another command answers for are those that core does not let be corrected', () => {
    const source = core('document/execute.rs')
    const body = /const fn corrects\(.*?matches!\((.*?)\)\s*\}/ms.exec(source)?.[1] ?? ''
    const theirs = [...body.matchAll(/Field::(\w+)/g)].map((match) => snake(match[1]!))
    expect(new Set(theirs)).toEqual(codes.NOT_CORRECTED)
  })

  it('lengths are the limits of core', () => {
    const limits = core('limits.rs')
    const limit = (name: string) => Number(new RegExp(`${name}: \\w+ = ([\\d_]+)`).exec(limits)?.[1]?.replaceAll('_', ''))
    expect(codes.SHORT_TEXT_CHARS_MAX).toBe(limit('SHORT_TEXT_CHARS_MAX'))
    expect(codes.LONG_TEXT_CHARS_MAX).toBe(limit('LONG_TEXT_CHARS_MAX'))
    expect(codes.PROBLEM_TEXT_CHARS_MAX).toBe(limit('PROBLEM_TEXT_CHARS_MAX'))
  })
})
