"""The report's style sheet: system fonts, Okabe and Ito's colours, light and dark."""

from __future__ import annotations

STYLE = """
:root {
  --paper: #fff; --ink: #1b1f24; --soft: #5b6470; --line: #d8dde3; --panel: #f6f8fa;
  --whole: #0072b2; --part: #56b4e9; --good: #00775a; --bad: #b34700; --warn: #fff3dc; --warn-line: #e69f00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e6e9ed; --soft: #9aa5b1; --line: #343c46; --panel: #1c2229;
    --whole: #e69f00; --part: #56b4e9; --good: #2ecfa3; --bad: #ff8f4d; --warn: #3a2d10; --warn-line: #e69f00;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 28px 24px 80px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 44px 0 4px; } h3 { font-size: 15px; margin: 0 0 6px; }
p { margin: 4px 0 12px; } .soft, .about { color: var(--soft); } .about { font-size: 13px; overflow-wrap: anywhere; }
.note { background: var(--warn); border-left: 4px solid var(--warn-line); padding: 10px 14px; margin: 12px 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(172px, 1fr)); gap: 12px; margin: 20px 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 27px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card small { color: var(--soft); display: block; line-height: 1.35; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 26px 32px; }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 14px; margin-top: 14px; }
figure { margin: 0; } figcaption { font-size: 13px; color: var(--soft); margin-bottom: 4px; }
.plots figcaption { min-height: 40px; } figcaption b { color: var(--ink); }
svg { max-width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .tick, svg .n { fill: var(--soft); font-size: 11px; } svg .grid { stroke: var(--line); }
svg .axis { stroke: var(--soft); } svg .track { stroke: var(--line); stroke-width: 2; }
svg .bar { stroke-width: 4; stroke-linecap: round; opacity: .55; } svg .bar.whole { stroke: var(--whole); }
svg .bar.part { stroke: var(--part); } svg .dot.whole { fill: var(--whole); } svg .dot.part { fill: var(--part); }
svg .column { fill: var(--whole); } svg .band { fill: var(--whole); opacity: .16; }
svg .curve { fill: none; stroke-width: 2.5; } svg .curve.whole { stroke: var(--whole); }
svg .curve.part { stroke: var(--part); } svg .curve.faint { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 4 3; }
.wide, .big { overflow-x: auto; } .big svg { max-width: none; width: 100%; min-width: 600px; } table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; } td.figure { white-space: nowrap; } td small { color: var(--soft); } .wide { font-size: 12px; }
.wide th:first-child { position: sticky; left: 0; background: var(--paper); }
details.question { border-bottom: 1px solid var(--line); padding: 7px 0; }
summary { cursor: pointer; } details.question > summary { display: grid; gap: 0 12px; align-items: baseline;
  grid-template-columns: 14px 44px 1fr auto; list-style: none; }
summary::-webkit-details-marker { display: none; }
details.question > summary::before { content: "▸"; color: var(--soft); }
details.question[open] > summary::before { content: "▾"; }
summary code { color: var(--soft); } .scores { font-size: 12px; color: var(--soft); white-space: nowrap; }
.body { padding: 8px 0 14px 70px; } .body h3 { margin-top: 16px; } .body ul { margin: 4px 0; padding-left: 20px; }
.answer { white-space: pre-line; background: var(--panel); border-radius: 6px; padding: 10px 14px; }
.good { color: var(--good); } .bad { color: var(--bad); } .tag { font-size: 12px; white-space: nowrap; }
blockquote { margin: 2px 0 6px; padding-left: 10px; border-left: 3px solid var(--line); color: var(--soft); font-size: 13px; }
a { color: var(--whole); }
@media (max-width: 640px) { .plots { grid-template-columns: 1fr; } .body { padding-left: 0; }
  details.question > summary { grid-template-columns: 14px 44px 1fr; } .scores { grid-column: 3; white-space: normal; } }
"""
