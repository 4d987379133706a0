{{/* The program's settings, as it names them. */}}

{{- define "reconciler.settings" -}}
{{- $v := .Values -}}
{{ include "reconciler.applied" . }}
RECONCILE_CADENCE_AUTO: {{ $v.cadence.auto | ternary "on" "off" | quote }}
RECONCILE_SCHEMA_MAPPING: {{ include "reconciler.mapping" . | quote }}
RECONCILE_GHL_BASE_URL: {{ $v.providers.ghlBaseUrl | quote }}
RECONCILE_CALENDLY_BASE_URL: {{ $v.providers.calendlyBaseUrl | quote }}
RECONCILE_WORKSPACE_LIMIT: {{ $v.limits.workspaceLimit | int | quote }}
RECONCILE_LEADS_PER_WORKSPACE: {{ $v.limits.leadsPerWorkspace | int | quote }}
RECONCILE_STALE_DAYS: {{ $v.limits.staleDays | quote }}
RECONCILE_HOT_MINUTES: {{ $v.limits.hotMinutes | quote }}
RECONCILE_WORKSPACE_CONCURRENCY: {{ $v.limits.workspaceConcurrency | int | quote }}
RECONCILE_LEAD_CONCURRENCY: {{ $v.limits.leadConcurrency | int | quote }}
RECONCILE_RUN_BUDGET_SECONDS: {{ $v.limits.runBudgetSeconds | quote }}
RECONCILE_ATTEMPT_TIMEOUT_SECONDS: {{ $v.limits.attemptTimeoutSeconds | quote }}
RECONCILE_QUARANTINE_AFTER: {{ $v.limits.quarantineAfter | int | quote }}
RECONCILE_FOLLOW_UPS: {{ $v.followUps | quote }}
RECONCILE_FOLLOW_UP_EXPIRY_HOURS: {{ $v.followUpExpiryHours | quote }}
RECONCILE_RUN_MAX_CHANGES: {{ $v.limits.runMaxChanges | int | quote }}
RECONCILE_RUN_MAX_PERCENT: {{ $v.limits.runMaxPercent | quote }}
RECONCILE_RUN_MAX_CANCELED_PERCENT: {{ $v.limits.runMaxCanceledPercent | quote }}
RECONCILE_RUN_MIN_CHANGES: {{ $v.limits.runMinChanges | int | quote }}
RECONCILE_BACKFILL_RATE_SHARE: {{ $v.backfill.rateShare | quote }}
RECONCILE_BACKFILL_MAX_CHANGES: {{ $v.backfill.maxChanges | int | quote }}
RECONCILE_BACKFILL_MAX_PERCENT: {{ $v.backfill.maxPercent | quote }}
RECONCILE_BACKFILL_MAX_CANCELED_PERCENT: {{ $v.backfill.maxCanceledPercent | quote }}
RECONCILE_ALERT_SOURCE: {{ default (printf "%s/%s" (include "reconciler.namespace" .) (include "reconciler.fullname" .)) $v.alerts.source | quote }}
{{- with $v.alerts.runbookUrl }}
RECONCILE_ALERT_RUNBOOK_URL: {{ . | quote }}
{{- end }}
{{- with $v.alerts.emailTo }}
RECONCILE_ALERT_EMAIL_TO: {{ join "," . | quote }}
{{- end }}
{{- with $v.alerts.emailFrom }}
RECONCILE_ALERT_EMAIL_FROM: {{ . | quote }}
{{- end }}
RECONCILE_ALERT_PAGERDUTY_URL: {{ $v.alerts.pagerdutyUrl | quote }}
RECONCILE_ALERT_RESEND_URL: {{ $v.alerts.resendUrl | quote }}
RECONCILE_ALERT_SILENCE_MINUTES: {{ $v.alerts.silenceMinutes | quote }}
RECONCILE_ALERT_AT_RISK: {{ $v.alerts.atRisk | int | quote }}
RECONCILE_ALERT_QUARANTINED: {{ $v.alerts.quarantined | int | quote }}
RECONCILE_ALERT_REMINDER_HOURS: {{ $v.alerts.reminderHours | quote }}
RECONCILE_LOG_LEVEL: {{ $v.log.level | quote }}
RECONCILE_LOG_FORMAT: {{ $v.log.format | quote }}
RECONCILE_OUTPUT: {{ $v.output | quote }}
{{- end }}

{{/* The schedule and the thresholds, for the ConfigMap and for the CronJobs' specs: a run compares the two. */}}
{{- define "reconciler.applied" -}}
{{- $v := .Values -}}
RECONCILE_SCHEDULE: {{ $v.schedule | quote }}
RECONCILE_TIME_ZONE: {{ $v.timeZone | quote }}
RECONCILE_CIRCUIT_BREAKER_ERROR_RATE: {{ $v.breaker.errorRate | quote }}
RECONCILE_CIRCUIT_BREAKER_MIN_CHECKS: {{ $v.breaker.minChecks | int | quote }}
RECONCILE_CIRCUIT_BREAKER_MIN_WORKSPACES: {{ $v.breaker.minWorkspaces | int | quote }}
RECONCILE_CIRCUIT_BREAKER_COOLDOWN_SECONDS: {{ $v.breaker.cooldownSeconds | quote }}
RECONCILE_CIRCUIT_BREAKER_MODE: {{ $v.breaker.mode | quote }}
{{- end }}

{{- define "reconciler.mapping" -}}
{{ if .Values.mapping.inline }}/etc/reconcile/mapping.toml{{ else }}{{ .Values.mapping.preset }}{{ end }}
{{- end }}

{{/* Where the database's URL comes from; the migration needs this and the mapping, and nothing else. */}}
{{- define "reconciler.databaseEnv" -}}
{{- $db := .Values.database -}}
{{- if $db.existingSecret -}}
- name: RECONCILE_DATABASE_URL_FILE
  value: "/var/run/secrets/reconcile/database/{{ $db.key }}"
{{- else if $db.file -}}
- name: RECONCILE_DATABASE_URL_FILE
  value: {{ $db.file | quote }}
{{- else if $db.sqlite.enabled -}}
- name: RECONCILE_DATABASE_URL
  value: sqlite:////var/lib/reconcile/reconcile.db
{{- else -}}
- name: RECONCILE_DATABASE_URL
  value: {{ .Values.demo.databaseUrl | quote }}
{{- end }}
{{- end }}

{{- define "reconciler.databaseMounts" -}}
{{- if .Values.database.existingSecret }}
- name: database
  mountPath: /var/run/secrets/reconcile/database
  readOnly: true
{{- else if .Values.database.sqlite.enabled }}
- name: database
  mountPath: /var/lib/reconcile
{{- end }}
{{- end }}

{{/* A Secret that is not there leaves its files out: the program says so and ends with 78, instead of never starting. */}}
{{- define "reconciler.databaseVolumes" -}}
{{- with .Values.database }}
{{- if .existingSecret }}
- name: database
  secret:
    secretName: {{ .existingSecret | quote }}
    optional: true
    defaultMode: 0440
{{- else if .sqlite.enabled }}
- name: database
  persistentVolumeClaim:
    claimName: {{ .sqlite.claim | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Variables of the program that are not in the ConfigMap. */}}
{{- define "reconciler.env" -}}
{{ include "reconciler.ownEnv" . }}
{{- with .root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "reconciler.ownEnv" -}}
{{- $v := .root.Values -}}
{{ include "reconciler.databaseEnv" .root }}
{{- if or $v.credentials.existingSecret $v.demo.credentials }}
- name: RECONCILE_CREDENTIALS_DIR
  value: /var/run/secrets/reconcile/credentials
{{- else if $v.credentials.directory }}
- name: RECONCILE_CREDENTIALS_DIR
  value: {{ $v.credentials.directory | quote }}
{{- end }}
{{- if $v.webhook.existingSecret }}
- name: RECONCILE_WEBHOOK_URL_FILE
  value: "/var/run/secrets/reconcile/webhook/{{ $v.webhook.urlKey }}"
- name: RECONCILE_WEBHOOK_SECRET_FILE
  value: "/var/run/secrets/reconcile/webhook/{{ $v.webhook.secretKey }}"
{{- end }}
{{- range $name, $key := include "reconciler.alertKeys" .root | fromYaml }}
{{- if $key }}
- name: {{ $name }}
  value: "/var/run/secrets/reconcile/alerts/{{ $key }}"
{{- end }}
{{- end }}
- name: RECONCILE_TRIGGER
  value: {{ .trigger | quote }}
{{- if gt (int .shards) 1 }}
- name: RECONCILE_SHARDS
  value: {{ .shards | quote }}
{{- end }}
- name: RECONCILE_APPLIED_SETTINGS
  value: {{ include "reconciler.applied" .root | fromYaml | toJson | quote }}
{{- if $v.rbac.create }}
- name: RECONCILE_STATE_OBJECT
  value: "{{ $v.state.target }}/{{ include "reconciler.stateName" .root }}"
{{- end }}
- name: RECONCILE_CRONJOB
  value: {{ include "reconciler.fullname" .root | quote }}
- name: RECONCILE_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: RECONCILE_JOB_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['batch.kubernetes.io/job-name']
{{- with $v.telemetry }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE
  value: {{ .temporality | quote }}
{{- /* The release is the instance: a new one each minute would be a new series each minute. */}}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ printf "service.namespace=%s,service.instance.id=%s" (include "reconciler.namespace" $.root) (include "reconciler.fullname" $.root) | quote }}
{{- if .logs }}
- name: OTEL_LOGS_EXPORTER
  value: otlp
{{- end }}
{{- if .headersSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret | quote }}
      key: {{ .headersKey | quote }}
      optional: true
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "reconciler.credentialsSecret" -}}
{{- if .Values.demo.credentials -}}
{{ include "reconciler.fullname" . }}-demo
{{- else -}}
{{ .Values.credentials.existingSecret }}
{{- end -}}
{{- end }}

{{/* Whose key in the Secret of alerts each variable reads; empty ones are not used. */}}
{{- define "reconciler.alertKeys" -}}
RECONCILE_ALERT_SLACK_URL_FILE: {{ .Values.alerts.slackUrlKey | quote }}
RECONCILE_ALERT_WEBHOOK_URL_FILE: {{ .Values.alerts.webhookUrlKey | quote }}
RECONCILE_ALERT_WEBHOOK_SECRET_FILE: {{ .Values.alerts.webhookSecretKey | quote }}
RECONCILE_ALERT_PAGERDUTY_KEY_FILE: {{ .Values.alerts.pagerdutyKeyKey | quote }}
RECONCILE_ALERT_SMTP_URL_FILE: {{ .Values.alerts.smtpUrlKey | quote }}
RECONCILE_ALERT_RESEND_KEY_FILE: {{ .Values.alerts.resendKeyKey | quote }}
RECONCILE_HEARTBEAT_URL_FILE: {{ .Values.alerts.heartbeatUrlKey | quote }}
{{- end }}
