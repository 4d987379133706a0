{{/* Contradictions, each refused with a sentence that names the values. Included once, by the ConfigMap. */}}

{{- define "reconciler.guards" -}}
{{- include "reconciler.guardValues" . }}
{{- include "reconciler.guardNames" . }}
{{- include "reconciler.guardSources" . }}
{{- include "reconciler.guardTimes" . }}
{{- include "reconciler.guardState" . }}
{{- include "reconciler.guardAlerts" . }}
{{- include "reconciler.guardPage" . }}
{{- include "reconciler.guardSecrets" . }}
{{- end }}

{{/*
`helm upgrade --reuse-values` to a newer chart brings the old chart's values, in which new groups are missing. Asked with
the name, which every template needs, as Helm may render any of them first.
*/}}
{{- define "reconciler.guardGroups" -}}
{{- range $group := list "page" "podSecurityContext" "securityContext" "alerts" "verify" "telemetry" }}
{{- if not (kindIs "map" (get $.Values $group)) }}
{{- fail (printf "the values have no %s: they are an older chart's, as --reuse-values brings them; upgrade with --reset-then-reuse-values" $group) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "reconciler.guardValues" -}}
{{- if not .Values.enabled }}
{{- fail "enabled is false: only a parent chart's condition reads it; set suspend to true to start no run" }}
{{- end }}
{{- $own := list "RECONCILE_PAGE_TOKEN_FILE" -}}
{{- range include "reconciler.ownEnv" (dict "root" . "trigger" "" "shards" 2) | fromYamlArray }}{{- $own = append $own .name }}{{- end }}
{{- $own = concat $own (include "reconciler.settings" . | fromYaml | keys) -}}
{{- range .Values.extraEnv }}
{{- if has .name $own }}
{{- fail (printf "extraEnv sets %s, which the chart sets itself; use the value of the chart" .name) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "reconciler.guardNames" -}}
{{- $name := include "reconciler.fullname" . -}}
{{- if gt (len $name) 43 }}
{{- fail (printf "the name %q has %d characters and may have 43: with -backfill behind it, it must stay within the 52 of a CronJob; choose a shorter release name or set fullnameOverride" $name (len $name)) }}
{{- end }}
{{- if contains "." $name }}
{{- fail (printf "the name %q contains a dot, and a pod's label must not end in one; set fullnameOverride" $name) }}
{{- end }}
{{- with .Values.image }}
{{- if and .tag .digest }}
{{- fail (printf "image.tag (%s) and image.digest (%s) are both set; an image has one or the other, so leave one empty" .tag .digest) }}
{{- end }}
{{- end }}
{{- with .Values.serviceAccount }}
{{- if and (not .create) (not .name) }}
{{- fail "serviceAccount.create is false and serviceAccount.name is empty; name an existing service account, or let the chart create one" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "reconciler.guardSources" -}}
{{- $db := .Values.database -}}
{{- $demo := .Values.demo -}}
{{- $sources := list -}}
{{- with $db.existingSecret }}{{- $sources = append $sources (printf "database.existingSecret (%s)" .) }}{{- end }}
{{- with $db.file }}{{- $sources = append $sources (printf "database.file (%s)" .) }}{{- end }}
{{- if $db.sqlite.enabled }}{{- $sources = append $sources "database.sqlite.enabled (true)" }}{{- end }}
{{- with $demo.databaseUrl }}{{- $sources = append $sources "demo.databaseUrl" }}{{- end }}
{{- if not $sources }}
{{- fail "no database is given; set one of database.existingSecret, database.file, and database.sqlite.enabled with database.sqlite.claim" }}
{{- end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "%s are set together; a run has one database, so keep one of them" (join " and " $sources)) }}
{{- end }}
{{- if and (not $demo.enabled) (or $demo.databaseUrl $demo.credentials) }}
{{- fail (printf "demo.enabled is false and demo.%s is set; values are stored in clear text in the release, so use a Secret, or set demo.enabled" (ternary "databaseUrl" "credentials" (ne $demo.databaseUrl ""))) }}
{{- end }}
{{- if and $db.sqlite.enabled (not $db.sqlite.claim) }}
{{- fail "database.sqlite.enabled is true and database.sqlite.claim is empty; name the PersistentVolumeClaim that keeps the file" }}
{{- end }}
{{- if and $db.sqlite.claim (not $db.sqlite.enabled) }}
{{- fail (printf "database.sqlite.claim (%s) is set and database.sqlite.enabled is false; set both or neither" $db.sqlite.claim) }}
{{- end }}
{{- if and $db.sqlite.enabled (gt (int .Values.backfill.shards) 1) }}
{{- fail (printf "database.sqlite.enabled is true and backfill.shards is %d; an SQLite file has one writer, so use PostgreSQL or one shard" (int .Values.backfill.shards)) }}
{{- end }}
{{- $tokens := list -}}
{{- with .Values.credentials.existingSecret }}{{- $tokens = append $tokens (printf "credentials.existingSecret (%s)" .) }}{{- end }}
{{- with .Values.credentials.directory }}{{- $tokens = append $tokens (printf "credentials.directory (%s)" .) }}{{- end }}
{{- if $demo.credentials }}{{- $tokens = append $tokens "demo.credentials" }}{{- end }}
{{- if gt (len $tokens) 1 }}
{{- fail (printf "%s are set together; tokens have one source, so keep one of them" (join " and " $tokens)) }}
{{- end }}
{{- end }}

{{- define "reconciler.guardTimes" -}}
{{- $deadline := int .Values.activeDeadlineSeconds -}}
{{- $budget := float64 (include "reconciler.number" (dict "name" "limits.runBudgetSeconds" "value" .Values.limits.runBudgetSeconds "low" 1.0 "high" 86400.0)) -}}
{{- $attempt := float64 (include "reconciler.number" (dict "name" "limits.attemptTimeoutSeconds" "value" .Values.limits.attemptTimeoutSeconds "low" 0.1 "high" 300.0)) -}}
{{- $_ := include "reconciler.number" (dict "name" "breaker.errorRate" "value" .Values.breaker.errorRate "low" 0.0 "high" 1.0 "above" true) -}}
{{- $_ := include "reconciler.number" (dict "name" "breaker.cooldownSeconds" "value" .Values.breaker.cooldownSeconds "low" 1.0 "high" 86400.0) -}}
{{- $_ := include "reconciler.number" (dict "name" "limits.staleDays" "value" .Values.limits.staleDays "low" 0.0 "high" 3650.0) -}}
{{- $_ := include "reconciler.number" (dict "name" "limits.hotMinutes" "value" .Values.limits.hotMinutes "low" 0.0 "high" 1440.0) -}}
{{- $_ := include "reconciler.number" (dict "name" "backfill.rateShare" "value" .Values.backfill.rateShare "low" 0.01 "high" 1.0) -}}
{{- $_ := include "reconciler.number" (dict "name" "backfill.maxPercent" "value" .Values.backfill.maxPercent "low" 0.0 "high" 100.0) -}}
{{- $_ := include "reconciler.number" (dict "name" "backfill.maxCanceledPercent" "value" .Values.backfill.maxCanceledPercent "low" 0.0 "high" 100.0) -}}
{{- if gt $attempt $budget }}
{{- fail (printf "limits.attemptTimeoutSeconds (%v) is above limits.runBudgetSeconds (%v); one call cannot outlast its run, so lower the first or raise the second" .Values.limits.attemptTimeoutSeconds .Values.limits.runBudgetSeconds) }}
{{- end }}
{{- if ge $budget (float64 $deadline) }}
{{- fail (printf "limits.runBudgetSeconds (%v) is not below activeDeadlineSeconds (%d); a run must end before Kubernetes ends it, so lower the first or raise the second" .Values.limits.runBudgetSeconds $deadline) }}
{{- end }}
{{- if not (regexMatch "^(UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+){1,2})$" .Values.timeZone) }}
{{- fail (printf "timeZone (%s) is not an IANA time zone like Etc/UTC or Europe/Berlin" .Values.timeZone) }}
{{- end }}
{{- $period := int (include "reconciler.period" .Values.schedule) -}}
{{- if ge $deadline $period }}
{{- fail (printf "activeDeadlineSeconds (%d) is not below the %d seconds between two starts of schedule (%s); a run would overlap the next start, so lower the first or lengthen the period" $deadline $period .Values.schedule) }}
{{- end }}
{{- end }}

{{- define "reconciler.number" -}}
{{- $number := float64 .value -}}
{{- if or (lt $number .low) (gt $number .high) (and .above (eq $number .low)) }}
{{- fail (printf "%s is %v and must be a number %s" .name .value (.above | ternary (printf "above %v, at most %v" .low .high) (printf "from %v to %v" .low .high))) }}
{{- end }}
{{- .value }}
{{- end }}

{{- define "reconciler.guardState" -}}
{{- if and (eq .Values.state.target "cronjob") (not .Values.admissionPolicy.enabled) }}
{{- fail "state.target is cronjob and admissionPolicy.enabled is false; an account that may patch a CronJob may change what it runs, so enable the policy or keep the state in the ConfigMap" }}
{{- end }}
{{- if and .Values.admissionPolicy.enabled (not .Values.rbac.create) }}
{{- fail "admissionPolicy.enabled is true and rbac.create is false; the policy binds a service account that may patch nothing, so set both or neither" }}
{{- end }}
{{- if and .Values.verify.cronJobs (not .Values.rbac.create) }}
{{- fail (printf "verify.cronJobs (%s) is set and rbac.create is false; without a Role their pods' logs cannot be read, so set both or neither" (join ", " .Values.verify.cronJobs)) }}
{{- end }}
{{- end }}

{{- define "reconciler.guardAlerts" -}}
{{- $alerts := .Values.alerts -}}
{{- $keys := without (values (include "reconciler.alertKeys" . | fromYaml)) "" -}}
{{- if and $keys (not $alerts.existingSecret) }}
{{- fail (printf "alerts.existingSecret is empty and keys of it are named (%s); name the Secret that has them" (sortAlpha $keys | join ", ")) }}
{{- end }}
{{- if and $alerts.existingSecret (not $keys) }}
{{- fail (printf "alerts.existingSecret (%s) is set and no key of it is named; name one, such as alerts.slackUrlKey" $alerts.existingSecret) }}
{{- end }}
{{- if ne (empty $alerts.webhookUrlKey) (empty $alerts.webhookSecretKey) }}
{{- fail "of alerts.webhookUrlKey and alerts.webhookSecretKey one is set; deliveries are always signed, so set both or neither" }}
{{- end }}
{{- if and $alerts.smtpUrlKey $alerts.resendKeyKey }}
{{- fail (printf "alerts.smtpUrlKey (%s) and alerts.resendKeyKey (%s) are both set; e-mail uses one of them, so leave one empty" $alerts.smtpUrlKey $alerts.resendKeyKey) }}
{{- end }}
{{- $hasWay := or $alerts.smtpUrlKey $alerts.resendKeyKey -}}
{{- if or (and $hasWay (not (and $alerts.emailTo $alerts.emailFrom))) (and (not $hasWay) (or $alerts.emailTo $alerts.emailFrom)) }}
{{- fail "e-mail needs alerts.emailTo, alerts.emailFrom, and one of alerts.smtpUrlKey and alerts.resendKeyKey; set all three or none" }}
{{- end }}
{{- if and $alerts.check.enabled (not $alerts.existingSecret) }}
{{- fail "alerts.check.enabled is true and alerts.existingSecret is empty; the check needs an alert channel" }}
{{- end }}
{{- $_ := include "reconciler.number" (dict "name" "alerts.silenceMinutes" "value" $alerts.silenceMinutes "low" 1.0 "high" 10080.0) -}}
{{- $_ := include "reconciler.number" (dict "name" "alerts.reminderHours" "value" $alerts.reminderHours "low" 0.0 "high" 720.0 "above" true) -}}
{{- if $alerts.check.enabled }}
{{- $_ := include "reconciler.period" $alerts.check.schedule -}}
{{- end }}
{{- end }}

{{- define "reconciler.guardPage" -}}
{{- with .Values.page }}
{{- if and .enabled (not .existingSecret) }}
{{- fail "page.enabled is true and page.existingSecret is empty; name the Secret with the token that clients must send" }}
{{- end }}
{{- if and .serviceMonitor.enabled (not .enabled) }}
{{- fail "page.serviceMonitor.enabled is true and page.enabled is false; there is nothing to scrape, so set both or neither" }}
{{- end }}
{{- if and .enabled $.Values.database.sqlite.enabled }}
{{- fail "page.enabled and database.sqlite.enabled are both true; the file's volume is mounted by one pod at a time, so use PostgreSQL or `reconcile report --html`" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Asked of the cluster where there is one to ask; a template, a dry run by the client and GitOps tools see nothing. */}}
{{- define "reconciler.guardSecrets" -}}
{{- if and .Values.checkSecrets (lookup "v1" "ServiceAccount" (include "reconciler.namespace" .) "default") }}
{{- with .Values.database }}
{{- if .existingSecret }}
{{- include "reconciler.secretKey" (dict "root" $ "value" "database.existingSecret" "secret" .existingSecret "key" .key) }}
{{- end }}
{{- end }}
{{- with .Values.webhook }}
{{- if .existingSecret }}
{{- include "reconciler.secretKey" (dict "root" $ "value" "webhook.existingSecret" "secret" .existingSecret "key" .urlKey) }}
{{- include "reconciler.secretKey" (dict "root" $ "value" "webhook.existingSecret" "secret" .existingSecret "key" .secretKey) }}
{{- end }}
{{- end }}
{{- with .Values.page }}
{{- if .enabled }}
{{- include "reconciler.secretKey" (dict "root" $ "value" "page.existingSecret" "secret" .existingSecret "key" .key) }}
{{- end }}
{{- end }}
{{- with .Values.alerts.existingSecret }}
{{- range $key := without (values (include "reconciler.alertKeys" $ | fromYaml)) "" }}
{{- include "reconciler.secretKey" (dict "root" $ "value" "alerts.existingSecret" "secret" $.Values.alerts.existingSecret "key" $key) }}
{{- end }}
{{- end }}
{{- with .Values.credentials.existingSecret }}
{{- include "reconciler.secretKey" (dict "root" $ "value" "credentials.existingSecret" "secret" . "key" "") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "reconciler.secretKey" -}}
{{- $secret := lookup "v1" "Secret" (include "reconciler.namespace" .root) .secret -}}
{{- if not $secret }}
{{- fail (printf "%s names the Secret %s, which is not in namespace %s; create it first, or set checkSecrets to false if it is created later" .value .secret (include "reconciler.namespace" .root)) }}
{{- end }}
{{- if and .key (not (get ($secret.data | default dict) .key)) }}
{{- fail (printf "%s names the Secret %s, which has no key %s or an empty one; it has: %s" .value .secret .key (keys ($secret.data | default dict) | sortAlpha | join ", " | default "none")) }}
{{- end }}
{{- end }}
