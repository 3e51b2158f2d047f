# What the program reads from its environment. main.tf says under which names.

variable "transport" {
  description = "How the gateway reaches the gRPC server (TRANSPORT): unix, bufconn, inproc, tcp, or several in order of preference, comma separated. With a single name, the start fails if that transport cannot be opened."
  type        = string
  default     = "unix,bufconn"
  nullable    = false

  validation {
    condition = alltrue([
      for name in split(",", var.transport) : contains(["unix", "bufconn", "inproc", "tcp"], name)
    ]) && length(distinct(split(",", var.transport))) == length(split(",", var.transport))
    error_message = "transport must be one of unix, bufconn, inproc, tcp, or several of them, each once, separated by commas without spaces."
  }
}

variable "log_level" {
  description = "Least severe level that the program logs and Lambda keeps (LOG_LEVEL): debug, info, warn or error."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["debug", "info", "warn", "error"], var.log_level)
    error_message = "log_level must be debug, info, warn or error."
  }
}

variable "response_mode" {
  description = "How responses are sent (RESPONSE_MODE): buffered, or stream, which function_url and rest_api support."
  type        = string
  default     = "buffered"
  nullable    = false

  validation {
    condition     = contains(["buffered", "stream"], var.response_mode)
    error_message = "response_mode must be buffered or stream."
  }

  validation {
    condition     = var.response_mode != "stream" || contains(["function_url", "rest_api"], var.endpoint_type)
    error_message = "response_mode = \"stream\" is allowed with endpoint_type = \"function_url\" or \"rest_api\" only: everything else takes an answer whole."
  }
}

variable "base_path" {
  description = "Leading segments of the path that the program strips (BASE_PATH), such as /api. Empty strips nothing. The output endpoint ends with it."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$", var.base_path))
    error_message = "base_path must be empty or whole segments, each with a slash in front and none at the end, such as /api or /shop/v2; letters, digits and ._~- are allowed."
  }
}

variable "metrics" {
  description = "Where metrics go (METRICS): off, or emf for CloudWatch Embedded Metric Format in the log."
  type        = string
  default     = "off"
  nullable    = false

  validation {
    condition     = contains(["off", "emf"], var.metrics)
    error_message = "metrics must be off or emf."
  }
}

variable "metrics_namespace" {
  description = "The CloudWatch namespace of the metrics (METRICS_NAMESPACE)."
  type        = string
  default     = "lambda-grpc-gateway"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "metrics_namespace must be up to 255 letters, digits and .-_/#:, not beginning with AWS/ or a colon."
  }
}

variable "otlp_endpoint" {
  description = "Where a program with service/telemetry exports spans and metrics over OTLP/HTTP (OTEL_EXPORTER_OTLP_ENDPOINT), such as http://localhost:4318 for a collector in a layer. Null leaves OpenTelemetry's variables to environment."
  type        = string
  default     = null

  validation {
    condition     = var.otlp_endpoint == null || can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$", var.otlp_endpoint))
    error_message = "otlp_endpoint must be an http or https URL without a query, such as http://localhost:4318 or https://otlp.example.com, or null."
  }

  validation {
    condition     = var.otlp_endpoint == null || !contains(keys(var.environment), "OTEL_EXPORTER_OTLP_ENDPOINT")
    error_message = "otlp_endpoint is not allowed beside OTEL_EXPORTER_OTLP_ENDPOINT in environment: set one of them."
  }
}

variable "runtime_limits" {
  description = "Whether Go's memory limit, garbage collection and number of processors follow memory_size (RUNTIME_LIMITS): auto, or off for Go's defaults. GOMEMLIMIT, GOGC and GOMAXPROCS in environment override it."
  type        = string
  default     = "auto"
  nullable    = false

  validation {
    condition     = contains(["auto", "off"], var.runtime_limits)
    error_message = "runtime_limits must be auto or off."
  }
}

variable "deadline_margin" {
  description = "How long before the timeout a call's deadline ends (DEADLINE_MARGIN), so that a slow call gets a 504 from the gateway instead of ending the function."
  type        = string
  default     = "500ms"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?(ms|s)$", var.deadline_margin))
    error_message = "deadline_margin must be a number of milliseconds or seconds with its unit, such as 500ms or 1.5s."
  }

  validation {
    condition = try(
      tonumber(trimsuffix(var.deadline_margin, "ms")) / 1000,
      tonumber(trimsuffix(var.deadline_margin, "s")),
      0, # not a duration: refused above
    ) < var.timeout
    error_message = "deadline_margin must be shorter than timeout, which is ${var.timeout}s: otherwise no call has any time at all."
  }
}

variable "cors" {
  description = "Origins whose pages may call from a browser (CORS_ORIGINS), such as https://app.example.com or https://*.example.com, or * alone for all. Empty is off. The program answers preflights itself, on every endpoint type."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for origin in var.cors :
      can(regex("^(\\*|[a-z][a-z0-9+.-]*://[A-Za-z0-9.*-]+(:[0-9]+)?)$", origin)) && length(split("*", origin)) <= 2
    ])
    error_message = "cors must list origins as scheme, host and optionally port without a path, such as https://app.example.com or http://localhost:3000, with at most one * in each, or be [\"*\"]."
  }

  validation {
    condition     = !contains(var.cors, "*") || length(var.cors) == 1
    error_message = "cors must not name other origins beside *, which allows all of them."
  }

  validation {
    condition     = length(var.cors) == 0 || local.function_url_auth != "AWS_IAM"
    error_message = "cors is not allowed with function_url_auth = \"AWS_IAM\": browsers do not sign a preflight, so it would never reach the function."
  }
}

variable "rpc" {
  description = "Whether the bound services can be called by Connect and gRPC-Web, beside REST (RPC)."
  type        = bool
  default     = true
  nullable    = false
}

variable "environment" {
  description = "Further environment variables, for your own service. Do not put secrets here: anyone who can read the function's configuration can read them."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.environment) : can(regex("^[a-zA-Z][a-zA-Z0-9_]+$", key))])
    error_message = "environment must have names of at least two letters, digits and underscores that begin with a letter; that is what Lambda allows."
  }

  validation {
    condition     = length(setintersection(keys(var.environment), keys(local.settings))) == 0
    error_message = "environment must not set ${join(", ", keys(local.settings))}: these have variables of their own."
  }
}
