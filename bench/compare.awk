# SPDX-License-Identifier: MIT
# awk -v json=0|1 -f compare.awk targets.txt RESULTS: the table of bench/run. RESULTS holds lines
# `native|remoted NAME VALUE UNIT` of several turns; medians are compared.
FNR == NR {
  if ($0 !~ /^#/ && NF == 3) { kind[$1] = $2; limit[$1] = $3 }
  next
}
{
  if (!($2 in unit)) { order[++names] = $2; unit[$2] = $4 }
  key = $1 SUBSEP $2
  values[key, ++count[key]] = $3 + 0
}
function median(mode, name,    key, n, i, k, t, list) {
  key = mode SUBSEP name
  n = count[key]
  for (i = 1; i <= n; i++) list[i] = values[key, i]
  for (i = 2; i <= n; i++)
    for (k = i; k > 1 && list[k - 1] > list[k]; k--) { t = list[k]; list[k] = list[k - 1]; list[k - 1] = t }
  return n ? (list[int((n + 1) / 2)] + list[int(n / 2) + 1]) / 2 : -1
}
function show(value) { return value < 0 ? "-" : sprintf(value < 100 ? "%.3g" : "%.0f", value) }
END {
  if (json) printf "{\n"
  else printf "%-30s %5s %10s %10s %7s  %s\n", "measurement", "unit", "native", "remoted", "ratio", "target"
  missed = 0
  for (i = 1; i <= names; i++) {
    name = order[i]
    native = median("native", name)
    remoted = median("remoted", name)
    # A worker is compared with the native process, which does the same work.
    if (name == "peak.worker") native = median("native", "peak.process")
    ratio = native > 0 && remoted >= 0 ? remoted / native : -1
    verdict = ""
    if (name in kind && remoted >= 0) {
      ok = kind[name] == "least" ? ratio >= limit[name] : \
           kind[name] == "ratio" ? ratio >= 0 && ratio <= limit[name] : \
           kind[name] == "most" ? remoted <= limit[name] : native >= 0 && remoted <= native + limit[name]
      verdict = ok ? "met" : "missed"
      if (!ok) missed++
    }
    if (json) {
      printf "%s  \"%s\": {\"unit\": \"%s\"", (i > 1 ? ",\n" : ""), name, unit[name]
      if (native >= 0) printf ", \"native\": %.6g", native
      if (remoted >= 0) printf ", \"remoted\": %.6g", remoted
      if (ratio >= 0) printf ", \"ratio\": %.4g", ratio
      if (name in kind) printf ", \"target\": {\"%s\": %s}", kind[name], limit[name]
      if (verdict != "") printf ", \"met\": %s", verdict == "met" ? "true" : "false"
      printf "}"
    } else {
      target = !(name in kind) ? "" : kind[name] == "least" ? ">= " limit[name] : kind[name] == "ratio" ? "<= " limit[name] : \
               kind[name] == "most" ? "<= " limit[name] " " unit[name] : "native + " limit[name] " " unit[name]
      printf "%-30s %5s %10s %10s %7s  %s\n", name, unit[name], show(native), show(remoted), show(ratio),
             target (verdict == "" ? "" : ": " verdict)
    }
  }
  if (json) printf "\n}\n"
  else printf "%d targets missed\n", missed
}
