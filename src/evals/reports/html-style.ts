/** How the page of a report looks: the system's fonts, light and dark, nothing from elsewhere. Verdicts are words, colour only helps. */

export const REPORT_STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --quiet: #5b636d; --line: #d5dae0; --ground: #ffffff; --raised: #f5f7f9;
  --pass: #12703f; --fail: #b3261e; --inconclusive: #8a5a00; --measured: #355070; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e9ec; --quiet: #9ba4ae; --line: #363d45; --ground: #14171a; --raised: #1d2125;
    --pass: #5ccb8f; --fail: #ff8a80; --inconclusive: #f0bd5a; --measured: #9dbbdd; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.1rem; }
.outcome { margin: 0; font-size: 1.1rem; font-weight: 600; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .inconclusive { color: var(--inconclusive); }
.measured { color: var(--measured); } .quiet { color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 1rem 0 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 500; white-space: nowrap; } td.figure { white-space: nowrap; }
td { min-width: 7rem; } td.name { overflow-wrap: anywhere; min-width: 8rem; }
figure { margin: 0 0 1.5rem; overflow-x: auto; } figcaption { color: var(--quiet); font-size: .87rem; }
svg { display: block; width: 100%; min-width: 34rem; max-width: 60rem; height: auto; font: 13px system-ui, sans-serif; fill: var(--text); }
.grid { stroke: var(--line); } .nought { stroke: var(--quiet); } .axis { fill: var(--quiet); font-size: 12px; }
.interval { stroke: var(--measured); stroke-width: 2; } .decided { fill: var(--measured); fill-opacity: .35; }
.estimate { fill: var(--measured); } .mark { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 3 3; }
svg .pass .decided, svg .pass .estimate, svg .pass .result { fill: var(--pass); } svg .pass .interval { stroke: var(--pass); }
svg .fail .decided, svg .fail .estimate, svg .fail .result { fill: var(--fail); } svg .fail .interval { stroke: var(--fail); }
svg .inconclusive .decided, svg .inconclusive .estimate, svg .inconclusive .result { fill: var(--inconclusive); }
svg .inconclusive .interval { stroke: var(--inconclusive); }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem; margin: .75rem 0; }
.answers h3 { margin: 0 0 .35rem; font-size: .87rem; font-weight: 500; color: var(--quiet); overflow-wrap: anywhere; }
pre { margin: 0; padding: .75rem; max-height: 24rem; overflow: auto; background: var(--raised); border: 1px solid var(--line);
  border-radius: 4px; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
@media print { pre { max-height: none; } }
`
