{{/*
A cron line, judged before the API server sees it. "reconciler.period" gives the least number of seconds between two
starts within a day, or fails with a sentence that names the field.
*/}}

{{- define "reconciler.period" -}}
{{- $fields := splitList " " . -}}
{{- if ne (len $fields) 5 }}
{{- fail (printf "schedule (%s) is not a cron line: it has %d fields with one blank between them, and needs five, like */10 * * * *" . (len $fields)) }}
{{- end }}
{{- $minutes := splitList "," (include "reconciler.cronField" (dict "line" . "name" "minute" "text" (index $fields 0) "low" 0 "high" 59)) -}}
{{- $hours := splitList "," (include "reconciler.cronField" (dict "line" . "name" "hour" "text" (index $fields 1) "low" 0 "high" 23)) -}}
{{- $_ := include "reconciler.cronField" (dict "line" . "name" "day of month" "text" (index $fields 2) "low" 1 "high" 31) -}}
{{- $_ := include "reconciler.cronField" (dict "line" . "name" "month" "text" (index $fields 3) "low" 1 "high" 12 "words" "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC") -}}
{{- $_ := include "reconciler.cronField" (dict "line" . "name" "day of week" "text" (index $fields 4) "low" 0 "high" 6 "words" "SUN|MON|TUE|WED|THU|FRI|SAT") -}}
{{- $gap := 86400 -}}
{{- $last := -86400 -}}
{{- $first := -1 -}}
{{- range $hour := $hours }}
{{- range $minute := $minutes }}
{{- $at := add (mul (sub (int $hour) 100) 3600) (mul (sub (int $minute) 100) 60) -}}
{{- if lt $first 0 }}{{- $first = $at }}{{- end }}
{{- $gap = min $gap (sub $at $last) }}
{{- $last = $at }}
{{- end }}
{{- end }}
{{- min $gap (sub (add $first 86400) $last) -}}
{{- end }}

{{/* The numbers of a field, ascending and separated by commas; 100 is added, so that they sort as text. */}}
{{- define "reconciler.cronField" -}}
{{- $field := . -}}
{{- $set := dict -}}
{{- range $part := splitList "," .text }}
{{- $step := 1 -}}
{{- $span := $part -}}
{{- $low := $field.low -}}
{{- $high := $field.high -}}
{{- $upper := upper $part -}}
{{- if regexMatch "^(\\*|[0-9]{1,2}(-[0-9]{1,2})?)(/[0-9]{1,2})?$" $part }}
{{- if contains "/" $part }}
{{- $step = int (last (splitList "/" $part)) }}
{{- $span = first (splitList "/" $part) }}
{{- end }}
{{- if ne $span "*" }}
{{- $ends := splitList "-" $span -}}
{{- $low = int (first $ends) }}
{{- if or (contains "-" $span) (not (contains "/" $part)) }}
{{- $high = int (last $ends) }}
{{- end }}
{{- end }}
{{- else if and (hasKey $field "words") (regexMatch (printf "^(%s)(-(%s))?$" $field.words $field.words) $upper) }}
{{- else }}
{{- include "reconciler.cronFault" $field }}
{{- end }}
{{- if or (lt $step 1) (lt $low (int $field.low)) (gt $high (int $field.high)) (gt $low $high) }}
{{- include "reconciler.cronFault" $field }}
{{- end }}
{{- range $number := untilStep (int $low) (int (add1 $high)) (int (max $step 1)) }}
{{- $_ := set $set (printf "%d" (add 100 $number)) true }}
{{- end }}
{{- end }}
{{- keys $set | sortAlpha | join "," -}}
{{- end }}

{{- define "reconciler.cronFault" -}}
{{- fail (printf "schedule (%s) is not a cron line: %q cannot be its %s, which is from %d to %d, or *, a range, a list or a step" .line .text .name (int .low) (int .high)) }}
{{- end }}
