{{/* Names, labels and the image. */}}

{{- define "reconciler.name" -}}
{{ .Values.nameOverride | default .Chart.Name }}
{{- end }}

{{/* In a parent chart, two aliases of this one share the release's name, so theirs is added. */}}
{{- define "reconciler.fullname" -}}
{{- include "reconciler.guardGroups" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if .Chart.IsRoot -}}
{{ .Release.Name }}
{{- else -}}
{{ .Release.Name }}-{{ include "reconciler.name" . }}
{{- end -}}
{{- end }}

{{- define "reconciler.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "reconciler.stateName" -}}
{{ include "reconciler.fullname" . }}{{ if eq .Values.state.target "configmap" }}-state{{ end }}
{{- end }}

{{- define "reconciler.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "reconciler.fullname" .) }}
{{- end }}

{{- define "reconciler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "reconciler.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "reconciler.labels" -}}
{{ include "reconciler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
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
kueue.x-k8s.io/queue-name: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Labels and annotations of a Job that a CronJob starts: root and component. */}}
{{- define "reconciler.jobMetadata" -}}
labels:
  {{- include "reconciler.jobLabels" . | nindent 2 }}
  {{- with .root.Values.jobLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.jobAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Labels and annotations of a CronJob: root, component, and perhaps more annotations. */}}
{{- define "reconciler.cronJobMetadata" -}}
labels:
  {{- include "reconciler.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .root.Values.cronJobLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with mergeOverwrite (dict) .root.Values.cronJobAnnotations (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
