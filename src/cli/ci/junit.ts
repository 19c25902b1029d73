/** The reports of several runs as one JUnit file. Pure. */

const OPEN = '<testsuites>\n'
const CLOSE = '</testsuites>\n'

/** `reports` are the server's, each a whole document with one `testsuites`; none is a file without tests. */
export function joinJunit(reports: readonly string[]): string {
  const suites = reports.map((report) => {
    const [from, to] = [report.indexOf(OPEN), report.lastIndexOf(CLOSE)]
    if (from < 0 || to < from) throw new Error('A report is no JUnit document of Aval.')
    return report.slice(from + OPEN.length, to)
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n${OPEN}${suites.join('')}${CLOSE}`
}
