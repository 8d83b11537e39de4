"""The style sheet of the HTML page: light and dark, phone and paper, nothing from elsewhere.

The states are told apart by sign, word and lightness as well as by hue. Every pair of text and ground has a contrast
of at least 4.5 to 1.
"""

CSS = """
:root{color-scheme:light dark;
--page:#f4f3ef;--card:#fff;--ink:#1c2126;--soft:#59616a;--rule:#e0ddd4;
--p-ink:#17633c;--p-bg:#e2f1e7;
--w-ink:#7a4b00;--w-bg:#fcefcf;--w-solid:#f0b429;--w-on:#2e1d00;
--f-ink:#a91b16;--f-bg:#fce4e1;--f-solid:#bf2620;
--u-ink:#54429a;--u-bg:#ebe6f8;--u-solid:#6450b0;
--line:#3d6fa8;--shadow:0 1px 2px rgb(28 33 38/.05),0 4px 16px rgb(28 33 38/.04)}
@media(prefers-color-scheme:dark){:root{
--page:#14171a;--card:#1d2125;--ink:#e9e7e2;--soft:#a4abb3;--rule:#333a41;
--p-ink:#86d3a6;--p-bg:#1c3226;
--w-ink:#f1c868;--w-bg:#3a2e12;--w-solid:#dca52b;--w-on:#221600;
--f-ink:#ff9d94;--f-bg:#45201e;--f-solid:#c93a33;
--u-ink:#bfb0f2;--u-bg:#2e2850;--u-solid:#705cc0;
--line:#86b4e6;--shadow:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums;font-variant-emoji:text;overflow-wrap:break-word}
header,main,footer{max-width:72rem;margin:0 auto;padding:0 clamp(1rem,4vw,2.5rem)}
h1,h2,h3,p,dl,dd,ul,figure{margin:0}
h2{font-size:1.2rem;line-height:1.3;letter-spacing:-.005em}
h3{font-size:1rem;font-weight:600;margin-top:1.25rem}
code,.id{font:.875em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.soft{color:var(--soft)}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}

header,.list .what,.list .id,h3,section>p{overflow-wrap:anywhere}
header{padding-top:clamp(1.5rem,5vw,3rem);padding-bottom:1.5rem}
.whose{display:flex;flex-wrap:wrap;gap:.1rem .75rem;align-items:baseline}
.whose strong{font-size:1.05rem}
.answer{display:flex;gap:clamp(.9rem,3vw,1.4rem);align-items:flex-start;margin:1.1rem 0 0}
.badge{flex:none;display:grid;place-items:center;width:clamp(3rem,9vw,4.25rem);aspect-ratio:1;border-radius:50%;
font-size:clamp(1.5rem,5vw,2.2rem);font-weight:700;line-height:1}
h1{font-size:clamp(1.75rem,6vw,2.75rem);line-height:1.12;letter-spacing:-.02em;font-weight:700}
.notes{list-style:none;padding:0;margin-top:.45rem}
.notes li{color:var(--soft);max-width:46rem}
.notes li:first-child{color:var(--ink);font-size:1.1rem}
.alarm{margin-top:1.4rem;padding:.8rem 1rem;border-radius:.6rem;background:var(--f-bg);color:var(--f-ink)}
.facts{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:1px;margin-top:1.75rem;
background:var(--rule);border:1px solid var(--rule);border-radius:.75rem;overflow:hidden}
.facts div{background:var(--card);padding:.75rem 1rem}
.facts dt{color:var(--soft);font-size:.8125rem}
.facts dd{font-weight:600;line-height:1.4}
.facts .tally{display:flex;flex-wrap:wrap;gap:.25rem .35rem;margin-block:.15rem}
.facts dd small{display:block;font-weight:400;font-size:.8125rem;color:var(--soft)}

main{display:grid;grid-template-columns:minmax(0,1fr);gap:1.25rem}
section{background:var(--card);border:1px solid var(--rule);border-radius:.75rem;box-shadow:var(--shadow);
padding:1.25rem clamp(1rem,3vw,1.75rem) 1.4rem}
section>p{margin-top:.35rem;max-width:60rem}
section.calm{padding-block:1rem}
.calm h2{display:flex;gap:.6rem;align-items:center}

.s{display:inline-flex;gap:.4em;align-items:baseline;padding:.1em .6em;border-radius:1em;font-size:.875rem;
font-weight:600;white-space:nowrap}
.s.p,.badge.p{background:var(--p-bg);color:var(--p-ink)}
.s.w,.badge.w{background:var(--w-bg);color:var(--w-ink)}
.s.f,.badge.f{background:var(--f-bg);color:var(--f-ink)}
.s.u,.badge.u{background:var(--u-bg);color:var(--u-ink)}
.badge.f{background:var(--f-solid);color:#fff}
.known{display:block;margin-top:.2rem;font-size:.8125rem;color:var(--soft);white-space:nowrap}
.critical{font-weight:650}

.scroll{position:relative;overflow-x:auto;margin-top:.9rem;border-radius:.4rem}
.scroll:focus-visible{outline:2px solid var(--line);outline-offset:3px}
table{border-collapse:collapse;width:100%}
caption{text-align:start;color:var(--soft);font-size:.875rem;padding-bottom:.5rem}
.list th,.list td{text-align:start;vertical-align:top;padding:.6rem .9rem .6rem 0;border-top:1px solid var(--rule)}
.list thead th{border:0;padding-block:0 .4rem;color:var(--soft);font-size:.8125rem;font-weight:500;white-space:nowrap}
.list tbody th{font-weight:400;min-width:12rem}
.list .level{min-width:5rem;max-width:12rem;overflow-wrap:anywhere}
.list .what{display:block;font-weight:600}
.list .id{display:block;color:var(--soft);font-size:.8125rem}
.list .n{text-align:end}
.list .n,.list .wide,.list time{white-space:nowrap}
.list tr>:last-child{padding-inline-end:0}
.strip{font:.9375rem/1.4 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;
letter-spacing:.1em;white-space:nowrap}
.strip i,.matrix i{font-style:normal}
.strip .p{color:var(--soft)}.strip .w{color:var(--w-ink);font-weight:700}
.strip .f{color:var(--f-ink);font-weight:700}.strip .u{color:var(--u-ink);font-weight:700}
.strip .a{color:var(--soft)}

.newest-first{direction:rtl}
.matrix{direction:ltr;border-collapse:separate;border-spacing:2px}
.matrix th{text-align:start;font-weight:400}
.matrix thead th{vertical-align:bottom;padding:0 0 .3rem;color:var(--soft);font-size:.75rem}
.matrix thead time{writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap;
margin-inline:auto;line-height:1.3}
.matrix thead .mark{display:block;text-align:center;color:var(--ink);font-size:.6875rem;line-height:1.2}
.matrix tr>:first-child{position:sticky;left:0;z-index:1;background:var(--card);padding-inline-end:.75rem;
min-width:13rem;max-width:0;width:100%;box-shadow:2px 0 var(--card)}
.matrix.few{width:auto;margin-left:0;margin-right:auto}
.matrix.few tr>:first-child{max-width:24rem;width:auto}
.matrix tbody th span{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;line-height:1.3}
.matrix tbody th .id{color:var(--soft);font-size:.75rem}
.matrix tbody th .what{font-size:.875rem}
.matrix td{min-width:1.35rem;width:1.35rem;height:2.1rem;padding:0;text-align:center;border-radius:.2rem;
font-size:.8125rem;line-height:1}
td.p{background:var(--p-bg);color:var(--p-ink)}
td.w{background:var(--w-solid);color:var(--w-on);font-weight:700}
td.f{background:var(--f-solid);color:#fff;font-weight:700}
td.u{background:var(--u-solid);color:#fff;font-weight:700}
td.a{color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:.35rem .5rem;list-style:none;padding:0;margin-top:.9rem}
.legend li{font-size:.875rem}
.legend .w{background:var(--w-solid);color:var(--w-on)}
.legend .f{background:var(--f-solid);color:#fff}
.legend .u{background:var(--u-solid);color:#fff}
.legend .plain{padding:.1em .3em;color:var(--soft)}

.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.5rem 2.5rem}
.chart{margin-top:1rem;min-width:0}
.chart strong{overflow-wrap:anywhere}
.chart .soft{white-space:nowrap}
.chart figcaption{display:flex;justify-content:space-between;gap:1rem;align-items:baseline}
.chart .plot{display:grid;grid-template-columns:1fr auto;gap:.2rem .75rem;margin-top:.5rem;font-size:.8125rem}
.chart svg{display:block;width:100%;height:6rem;border-bottom:1px solid var(--rule)}
.chart polyline{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.chart path{fill:var(--line);opacity:.12}
.chart .y{display:flex;flex-direction:column;justify-content:space-between;color:var(--soft)}
.chart .x{display:flex;justify-content:space-between;color:var(--soft)}

footer{padding-block:1.5rem 3rem;color:var(--soft);font-size:.875rem}
footer p+p{margin-top:.25rem}
.on-paper{display:none}

@media(max-width:56rem){.facts{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media(max-width:40rem){
.list .wide{display:none}
.list thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.list,.list tbody{display:block}
.list tr{display:flex;flex-wrap:wrap;gap:.15rem .9rem;align-items:baseline;padding:.85rem 0;
border-top:1px solid var(--rule)}
.list tr:first-child{border:0;padding-top:0}
.list th,.list tbody td{border:0;padding:0;text-align:start}
.list tbody th{order:1;width:100%}
.list .level{min-width:0}
.list tbody td~th~td{order:2;font-size:.875rem}
.list [data-label]::before{content:attr(data-label) " ";color:var(--soft)}
.known{display:inline;margin-inline-start:.6rem}
.matrix tr>:first-child,.matrix.few tr>:first-child{min-width:8.5rem;max-width:8.5rem}
section{border-radius:.6rem}
}
@media print{
:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#bbb;--shadow:none;
--p-ink:#17633c;--p-bg:#e2f1e7;--w-ink:#7a4b00;--w-bg:#fcefcf;--w-solid:#f0b429;--w-on:#2e1d00;
--f-ink:#a91b16;--f-bg:#fce4e1;--f-solid:#bf2620;--u-ink:#54429a;--u-bg:#ebe6f8;--u-solid:#6450b0;--line:#3d6fa8}
@page{margin:14mm}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
html{font-size:8pt}
.facts{grid-template-columns:repeat(4,auto);gap:0;background:none}
.facts div+div{border-left:1px solid var(--rule)}
header,main,footer{max-width:none;padding-inline:0}
header,.list .what,.list .id,h3,section>p{overflow-wrap:anywhere}
header{padding-top:0}
main{display:block}
section{border:0;border-top:1px solid var(--rule);border-radius:0;padding:4mm 0;margin:0}
.scroll{overflow:visible}
tr,figure,.facts,h2,.legend,footer{break-inside:avoid}
h2,h3,caption,section>p{break-after:avoid}
.legend,footer{break-before:avoid}
footer{padding-block:4mm 0}
thead{display:table-header-group}
tbody tr:first-child{break-before:avoid}
.newest-first{direction:ltr}
.matrix{margin:0;border-spacing:1px}
.matrix tr>:first-child{position:static;min-width:9rem}
.matrix td{min-width:.95rem;width:.95rem;height:1.5rem;font-size:7pt}
.matrix thead th{font-size:6.5pt}
.matrix tr>:not(:first-child):nth-last-child(n+31){display:none}
.on-paper{display:block}
}
"""
