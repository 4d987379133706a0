{{/* What all pods share. Safe things are not options. */}}

{{/* root and restartPolicy. */}}
{{- define "reconciler.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: {{ .restartPolicy | quote }}
terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds | int }}
securityContext:
  {{- mergeOverwrite (dict "runAsUser" 65532 "runAsGroup" 65532 "fsGroup" 65532 "fsGroupChangePolicy" "OnRootMismatch" "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) .root.Values.podSecurityContext | toYaml | nindent 2 }}
{{- end }}

{{- define "reconciler.podPlacement" -}}
{{- with concat (.Values.imagePullSecrets | default list) ((.Values.global).imagePullSecrets | default list) | uniq }}
imagePullSecrets:
  {{- range . }}
  - name: {{ if kindIs "map" . }}{{ .name | quote }}{{ else }}{{ . | quote }}{{ end }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or .Values.initContainers .Values.sidecars }}
initContainers:
  {{- with .Values.initContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- /* Kubernetes' own sidecars: they start before the program, and end after it. */}}
  {{- range .Values.sidecars }}
  - {{- mergeOverwrite (dict) . (dict "restartPolicy" "Always") | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* root and resources. */}}
{{- define "reconciler.container" -}}
name: reconcile
image: {{ include "reconciler.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy | quote }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- mergeOverwrite (dict) .root.Values.securityContext (dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) "privileged" false "readOnlyRootFilesystem" true) | toYaml | nindent 2 }}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end }}

{{- define "reconciler.podMetadata" -}}
labels:
  {{- include "reconciler.jobLabels" . | nindent 2 }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include (print .root.Template.BasePath "/configmap.yaml") .root | sha256sum }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* The pod of a run: root, trigger, args. */}}
{{- define "reconciler.podSpec" -}}
{{- $v := .root.Values -}}
{{- $credentials := include "reconciler.credentialsSecret" .root -}}
serviceAccountName: {{ include "reconciler.serviceAccountName" .root | quote }}
{{ include "reconciler.podSecurity" (dict "root" .root "restartPolicy" "Never") }}
{{- with include "reconciler.podPlacement" .root | trim }}
{{ . }}
{{- end }}
containers:
  - {{ include "reconciler.container" (dict "root" .root "resources" $v.resources) | nindent 4 | trim }}
    args: {{ .args | toJson }}
    envFrom:
      - configMapRef:
          name: "{{ include "reconciler.fullname" .root }}"
      {{- with $v.extraEnvFrom }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    env:
      {{- include "reconciler.env" . | nindent 6 }}
    volumeMounts:
      - name: tmp
        mountPath: /tmp
      {{- if $v.rbac.create }}
      - name: token
        mountPath: /var/run/secrets/kubernetes.io/serviceaccount
        readOnly: true
      {{- end }}
      {{- with include "reconciler.databaseMounts" .root }}
      {{- . | trim | nindent 6 }}
      {{- end }}
      {{- if $credentials }}
      - name: credentials
        mountPath: /var/run/secrets/reconcile/credentials
        readOnly: true
      {{- end }}
      {{- if $v.webhook.existingSecret }}
      - name: webhook
        mountPath: /var/run/secrets/reconcile/webhook
        readOnly: true
      {{- end }}
      {{- if $v.alerts.existingSecret }}
      - name: alerts
        mountPath: /var/run/secrets/reconcile/alerts
        readOnly: true
      {{- end }}
      {{- if $v.mapping.inline }}
      - name: mapping
        mountPath: /etc/reconcile
        readOnly: true
      {{- end }}
      {{- with include "reconciler.extraMounts" .root }}
      {{- . | trim | nindent 6 }}
      {{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- if $v.rbac.create }}
  - name: token
    projected:
      defaultMode: 0440
      sources:
        - serviceAccountToken:
            path: token
            expirationSeconds: 600
        - configMap:
            name: kube-root-ca.crt
            items:
              - key: ca.crt
                path: ca.crt
        - downwardAPI:
            items:
              - path: namespace
                fieldRef:
                  fieldPath: metadata.namespace
  {{- end }}
  {{- with include "reconciler.databaseVolumes" .root }}
  {{- . | trim | nindent 2 }}
  {{- end }}
  {{- with $credentials }}
  - name: credentials
    secret:
      secretName: {{ . | quote }}
      optional: true
      defaultMode: 0440
  {{- end }}
  {{- with $v.webhook.existingSecret }}
  - name: webhook
    secret:
      secretName: {{ . | quote }}
      optional: true
      defaultMode: 0440
  {{- end }}
  {{- with $v.alerts.existingSecret }}
  - name: alerts
    secret:
      secretName: {{ . | quote }}
      optional: true
      defaultMode: 0440
  {{- end }}
  {{- if $v.mapping.inline }}
  - name: mapping
    configMap:
      name: "{{ include "reconciler.fullname" .root }}"
      items:
        - key: mapping.toml
          path: mapping.toml
  {{- end }}
  {{- with $v.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "reconciler.extraMounts" -}}
{{- range .Values.extraVolumeMounts }}
- {{ merge (dict) . (hasKey . "readOnly" | ternary (dict) (dict "readOnly" true)) | toJson }}
{{- end }}
{{- end }}

{{/*
Effect of exit codes on a Job: 2 and 78 need a correction of settings, so the Job fails at once, or its
shard does where it has several; a pod that was ended from outside, by a lost node or by SIGTERM (143), is replaced without counting as a retry; everything else,
including 75 (database unreachable), counts against backoffLimit.
*/}}
{{- define "reconciler.podFailurePolicy" -}}
rules:
  - action: {{ . }}
    onExitCodes:
      containerName: reconcile
      operator: In
      values: [2, 78]
  - action: Ignore
    onPodConditions:
      - type: DisruptionTarget
        status: "True"
  - action: Ignore
    onExitCodes:
      containerName: reconcile
      operator: In
      values: [143]
  - action: Count
    onExitCodes:
      containerName: reconcile
      operator: In
      values: [75]
{{- end }}
