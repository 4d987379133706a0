{{/* Names, labels and the image. */}}

{{- define "reconciler.name" -}}
{{ .Chart.Name }}
{{- end }}

{{- define "reconciler.fullname" -}}
{{ .Values.fullnameOverride | default .Release.Name }}
{{- end }}

{{- define "reconciler.stateName" -}}
{{ include "reconciler.fullname" . }}{{ if eq .Values.state.target "configmap" }}-state{{ end }}
{{- end }}

{{- define "reconciler.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "reconciler.fullname" .) }}
{{- end }}

{{- define "reconciler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "reconciler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "reconciler.labels" -}}
{{ include "reconciler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "reconciler.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* What tells one Job's kind from another's: the component, and the queue of Kueue. */}}
{{- define "reconciler.jobLabels" -}}
{{ include "reconciler.labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- with .root.Values.kueue.queueName }}
kueue.x-k8s.io/queue-name: {{ . }}
{{- end }}
{{- end }}
