{{- /*
  `helm upgrade --reuse-values` brings the values of the release before, whole: a setting that is newer than it is not there at all. Whatever
  came after the first version of the chart is filled in here; every template begins with it.
*/ -}}
{{- define "kubectl-canary.newer" -}}
watchNamespaces: []
image: { digest: "" }
routes: { allowGateways: false }
networkPolicy: { enabled: false, webhookFrom: [], metricsFrom: [], egress: [] }
metrics: { templateNamespaces: [] }
ownLimits: { enabled: true }
linkerd: { readPolicies: true }
policies: { read: true }
configTracking: { namespaces: [], secrets: true, interval: 15s }
flowSchema: { enabled: true }
gates: { allowedAddresses: [] }
alerts:
  default: { type: "", address: "", secretName: "", channel: "", username: "", proxy: "", severity: info }
  clusterName: ""
  allowedAddresses: []
  providerNamespaces: []
  secretNamespaces: []
eventWebhook: { address: "", secretName: "" }
dashboards: { enabled: false, namespace: "", labels: { grafana_dashboard: "1" }, annotations: {} }
alertRules: { enabled: false, namespace: "", labels: {} }
podMonitor: { enabled: false, namespace: "", labels: {}, interval: 15s }
serviceMonitor: { enabled: false, namespace: "", labels: {}, interval: 15s }
autoscalers:
  accounts: ["system:serviceaccount:kube-system:horizontal-pod-autoscaler", "system:kube-controller-manager", "system:serviceaccount:keda:keda-operator"]
{{- end -}}

{{- define "kubectl-canary.withNewer" -}}
{{- include "kubectl-canary.fill" (list .Values (fromYaml (include "kubectl-canary.newer" .))) -}}
{{- end -}}

{{- /* Not `merge`, which takes a false for nothing. */ -}}
{{- define "kubectl-canary.fill" -}}
{{- $into := first . -}}
{{- range $key, $value := last . -}}
{{- if not (hasKey $into $key) -}}
{{- $_ := set $into $key $value -}}
{{- else if and (kindIs "map" $value) (kindIs "map" (get $into $key)) -}}
{{- include "kubectl-canary.fill" (list (get $into $key) $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kubectl-canary.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kubectl-canary.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kubectl-canary.labels" -}}
{{ include "kubectl-canary.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "kubectl-canary.image" -}}
{{- $repository := required "image.repository is not set: build the image (make image, or the Dockerfile), push it, and say where it is: --set image.repository=REGISTRY/kubectl-canary" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end -}}

{{- define "kubectl-canary.mutatingConfiguration" -}}
{{- /* Webhooks are called in the order of their configurations' names: ours wants to see what the others made of a template. */ -}}
zz-{{ include "kubectl-canary.fullname" . }}
{{- end -}}

{{- /* "true" where cert-manager issues the webhook's certificate. */ -}}
{{- define "kubectl-canary.usesCertManager" -}}
{{- $enabled := .Values.webhook.certManager.enabled -}}
{{- if eq (toString $enabled) "auto" -}}
{{- .Capabilities.APIVersions.Has "cert-manager.io/v1" -}}
{{- else -}}
{{- $enabled -}}
{{- end -}}
{{- end -}}

{{- /* Two names: the controller and cert-manager must never write into one Secret, and a chart may go from one to the other. */ -}}
{{- define "kubectl-canary.secretName" -}}
{{ include "kubectl-canary.fullname" . }}-{{ eq (include "kubectl-canary.usesCertManager" .) "true" | ternary "tls" "certificate" }}
{{- end -}}

{{- /* Takes the weight: what the Job needs is there before it. */ -}}
{{- define "kubectl-canary.uninstallHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
helm.sh/hook-output-log-policy: hook-succeeded,hook-failed
{{- end -}}

{{- define "kubectl-canary.uninstallAccount" -}}
{{ include "kubectl-canary.fullname" . }}-uninstall
{{- end -}}

{{- /* "true" where the controller gets Linkerd's proxy. */ -}}
{{- define "kubectl-canary.isMeshed" -}}
{{- if eq (toString .Values.linkerd.mesh) "auto" -}}
{{- .Capabilities.APIVersions.Has "linkerd.io/v1alpha2" -}}
{{- else -}}
{{- .Values.linkerd.mesh -}}
{{- end -}}
{{- end -}}

{{- /* "true" where viz's Prometheus is told to accept us. */ -}}
{{- define "kubectl-canary.authorizesViz" -}}
{{- $viz := .Values.linkerd.viz -}}
{{- if eq (toString $viz.authorize) "auto" -}}
{{- and (.Capabilities.APIVersions.Has "policy.linkerd.io/v1alpha1") (not (empty (lookup "v1" "Namespace" "" $viz.namespace))) -}}
{{- else -}}
{{- $viz.authorize -}}
{{- end -}}
{{- end -}}

{{- /* CEL: the writer is not the controller, nor its uninstall hook. */ -}}
{{- define "kubectl-canary.notOurselves" -}}
!(request.userInfo.username in [
  "system:serviceaccount:{{ .Release.Namespace }}:{{ include "kubectl-canary.fullname" . }}",
  "system:serviceaccount:{{ .Release.Namespace }}:{{ include "kubectl-canary.uninstallAccount" . }}"])
{{- end -}}

{{- /* Where no change is held. */ -}}
{{- define "kubectl-canary.excludedNamespaces" -}}
{{- concat (list .Release.Namespace "kube-system") .Values.webhook.excludedNamespaces | uniq | join "," -}}
{{- end -}}

{{- /* What the controller does in a namespace that it looks after. No Secrets, no ConfigMaps, no exec. */ -}}
{{- define "kubectl-canary.rules" -}}
- apiGroups: [flagger.app]
  resources: [canaries]
  verbs: [get, list, watch, patch]
- apiGroups: [flagger.app]
  resources: [canaries/status]
  verbs: [update, patch]
# To own the route on clusters that enforce permissions on ownership.
- apiGroups: [flagger.app]
  resources: [canaries/finalizers]
  verbs: [update]
- apiGroups: [flagger.app]
  resources: [metrictemplates, alertproviders]
  verbs: [get, list, watch]
# Targets are held and released, canary Deployments created and deleted.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [apps]
  resources: [deployments/status]
  verbs: [update, patch]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list, watch]
# What scales a target: where load grows while a run is under way, the canary grows with it.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
# Stable's template is kept, for when its ReplicaSet is gone.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [split.smi-spec.io]
  resources: [trafficsplits]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, update, patch, delete]
# To say when one of them overrides a route.
- apiGroups: [linkerd.io]
  resources: [serviceprofiles]
  verbs: [get]
{{- if .Values.linkerd.readPolicies }}
# To say which of them refuses a canary's users, before it gets any.
- apiGroups: [policy.linkerd.io]
  resources: [servers, authorizationpolicies, serverauthorizations]
  verbs: [get, list, watch]
{{- end }}
{{- if .Values.policies.read }}
# To say which of them would miss the canary's pods.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, servicemonitors]
  verbs: [get, list, watch]
{{- end }}
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- /* The namespaces that are looked after, as a label selector of the API server has them; nothing where that is every one. */ -}}
{{- define "kubectl-canary.watched" -}}
{{- with .Values.watchNamespaces -}}
- { key: kubernetes.io/metadata.name, operator: In, values: [{{ join ", " . }}] }
{{- end -}}
{{- end -}}

{{- define "kubectl-canary.watchedSelector" -}}
{{- with include "kubectl-canary.watched" . -}}
namespaceSelector:
  matchExpressions:
    {{- . | nindent 4 }}
{{- end -}}
{{- end -}}

{{- /* Settings of the controller and of its uninstall hook. */ -}}
{{- define "kubectl-canary.env" -}}
- name: KUBECTL_CANARY_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: KUBECTL_CANARY_IDENTITY
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{- $settings := dict
  "SERVICE_NAME" (include "kubectl-canary.fullname" .)
  "DEPLOYMENT" (include "kubectl-canary.fullname" .)
  "SERVICE_ACCOUNT" (include "kubectl-canary.fullname" .)
  "UNINSTALL_SERVICE_ACCOUNT" (include "kubectl-canary.uninstallAccount" .)
  "SECRET_NAME" (include "kubectl-canary.secretName" .)
  "CERTIFICATE_ISSUER" (eq (include "kubectl-canary.usesCertManager" .) "true" | ternary "cert-manager" "own")
  "MUTATING_CONFIGURATION" (include "kubectl-canary.mutatingConfiguration" .)
  "VALIDATING_CONFIGURATION" (include "kubectl-canary.fullname" .)
  "PORT" .Values.webhook.port
  "METRICS_PORT" .Values.metrics.port
  "LOG_LEVEL" .Values.logLevel
  "PROVIDER" .Values.provider
  "METRICS_SERVER" .Values.metricsServer
  "SCRAPE_INTERVAL" .Values.metrics.scrapeInterval
  "ALLOWED_ADDRESSES" (join "," .Values.metrics.allowedAddresses | default "none")
  "HOOK_ADDRESSES" (join "," .Values.gates.allowedAddresses | default "none")
  "TEMPLATE_NAMESPACES" (join "," .Values.metrics.templateNamespaces | default "none")
  "ALERT_PROVIDER" (empty .Values.alerts.default.type | ternary "none" (toJson .Values.alerts.default))
  "ALERT_ADDRESSES" (join "," .Values.alerts.allowedAddresses | default "none")
  "ALERT_NAMESPACES" (join "," .Values.alerts.providerNamespaces | default "none")
  "EVENT_WEBHOOK" (and (empty .Values.eventWebhook.address) (empty .Values.eventWebhook.secretName) | ternary "none" (toJson .Values.eventWebhook))
  "CLUSTER_NAME" (.Values.alerts.clusterName | default "none")
  "ALLOW_GATEWAYS" .Values.routes.allowGateways
  "READ_POLICIES" .Values.policies.read
  "CONFIG_NAMESPACES" (join "," .Values.configTracking.namespaces | default "none")
  "CONFIG_INTERVAL" .Values.configTracking.interval
  "HASH_KEY_SECRET" (printf "%s-hash-key" (include "kubectl-canary.fullname" .))
  "WATCH_NAMESPACES" (join "," .Values.watchNamespaces | default "all")
  "EXCLUDED_NAMESPACES" (include "kubectl-canary.excludedNamespaces" .)
  "LEASE_DURATION" .Values.leaderElection.leaseDuration
  "RENEW_DEADLINE" .Values.leaderElection.renewDeadline
  "RETRY_PERIOD" .Values.leaderElection.retryPeriod
  "DRAIN" .Values.drain
  "UNINSTALL_DEADLINE" (printf "%ds" (sub (int .Values.uninstall.deadlineSeconds) 15))
}}
{{- /*
V8 alone would take half of the limit; the rest is for what is not its heap. Its young generation would grow to as much again while the
first lists are read, and stay so: with a small one, 3,000 Deployments take 240 MB instead of 400.
*/}}
{{- $memory := dig "limits" "memory" "" .Values.resources | toString }}
{{- $megabytes := 0 }}
{{- if hasSuffix "Gi" $memory }}
{{- $megabytes = mul (trimSuffix "Gi" $memory | int) 1024 }}
{{- else if hasSuffix "Mi" $memory }}
{{- $megabytes = trimSuffix "Mi" $memory | int }}
{{- end }}
- name: NODE_OPTIONS
  value: --max-semi-space-size=4{{ if gt (int $megabytes) 0 }} --max-old-space-size={{ div (mul $megabytes 3) 4 }}{{ end }}
{{- range $name, $value := $settings }}
- name: KUBECTL_CANARY_{{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "kubectl-canary.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "kubectl-canary.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}
