/**
 * What the kernel says about a process: CPU time, memory, threads, children. Linux only (/proc).
 * Never guesses: a process that has gone reads as zero.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, the unit of /proc/<pid>/stat, is 100 on every Linux architecture Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // ENOENT or ESRCH: it has ended.
    return ''
  }
}

/** The fields of /proc/<pid>/stat after the command's name, which may itself hold spaces and brackets. */
function statFields(pid: number): string[] {
  const text = readOrEmpty(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** User and system time of all threads so far, ended ones included, in µs. Steps of 10 ms. */
export function processCpuUs(pid: number): number {
  const fields = statFields(pid)
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND) * 1e6
}

/** Time on a core of the main thread alone, in µs (/proc/<pid>/task/<tid>/schedstat). */
export function mainThreadCpuUs(pid: number): number {
  return Number(readOrEmpty(`/proc/${pid}/task/${pid}/schedstat`).split(' ')[0] ?? 0) / 1e3
}

/** Resident set now, in MB (10^6 bytes). */
export function rssMb(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readOrEmpty(`/proc/${pid}/status`))?.[1]
  return (Number(kilobytes ?? 0) * 1024) / 1e6
}

/** Everything the process has started, and what that has started. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(statFields(Number(name))[1] ?? 0))
  }
  const found = [pid]
  for (const parent of found) {
    for (const [child, ofParent] of parents) if (ofParent === parent) found.push(child)
  }
  return found.slice(1)
}
