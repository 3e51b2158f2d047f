# What is deployed, the function, its logs and alarms. The program's settings are in
# variables_program.tf, the endpoint's variables in variables_endpoint.tf.

# --- The deployment

variable "name" {
  description = "Name of the function, and prefix of the names of all other resources."
  type        = string
  default     = "lambda-grpc-gateway"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "name must have 1 to 32 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen (a target group's name may have at most 32)."
  }
}

variable "region" {
  description = "AWS region, such as eu-central-1. Null takes the environment's region (AWS_REGION or the profile)."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the code of an AWS region, such as eu-central-1, or null for the one of the environment."
  }
}

variable "tags" {
  description = "Tags for every resource, besides Name and ManagedBy. These two can be overridden here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(var.tags) <= 40 && alltrue([
      for key, value in var.tags :
      can(regex("^[\\pL\\pN _.:/=+@-]{1,128}$", key)) && !startswith(lower(key), "aws:") && can(regex("^[\\pL\\pN _.:/=+@-]{0,256}$", value))
    ])
    error_message = "tags may have at most 40 entries; a key has 1 to 128 and a value at most 256 letters, digits, spaces and _.:/=+@-, and a key must not begin with aws:."
  }
}

# --- The code

variable "architecture" {
  description = "Processor of the function: arm64, or x86_64, which the Makefile calls amd64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64 (Lambda's name for amd64)."
  }
}

variable "zip_file" {
  description = "Zip with the function's bootstrap. Null takes what make build-lambda-zip writes for the architecture: ../dist/lambda-arm64.zip or ../dist/lambda-amd64.zip."
  type        = string
  default     = null

  validation {
    condition     = fileexists(var.zip_file != null ? var.zip_file : "${path.module}/../dist/lambda-${var.architecture == "x86_64" ? "amd64" : "arm64"}.zip")
    error_message = "zip_file must name an existing file, and ${var.zip_file != null ? var.zip_file : "dist/lambda-${var.architecture == "x86_64" ? "amd64" : "arm64"}.zip"} does not exist: run make build-lambda-zip${var.architecture == "x86_64" ? " ARCH=amd64" : ""} in the root of the repository first."
  }
}

variable "live_version" {
  description = "Published version that the alias live points to, such as \"7\", to roll back. Null is the latest one."
  type        = string
  default     = null

  validation {
    condition     = var.live_version == null || can(regex("^[1-9][0-9]*$", var.live_version))
    error_message = "live_version must be the number of a published version, such as \"7\", or null for the newest; $LATEST is not allowed, since it changes with each update."
  }
}

# --- The function

variable "memory_size" {
  description = "Memory of the function in MB. Processor time grows with it: 1,769 MB give one core."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number of MB from 128 to 10240."
  }
}

variable "timeout" {
  description = "Seconds after which Lambda ends an invocation. The upper bound is how long the endpoint waits: 30 for http_api, 29 for rest_api unless it streams, 900 otherwise."
  type        = number
  default     = 25
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout must be a whole number of seconds from 1 to 900."
  }

  validation {
    condition     = var.timeout <= local.endpoint_timeout
    error_message = "timeout is ${var.timeout} s, but with endpoint_type = \"${var.endpoint_type}\" and response_mode = \"${var.response_mode}\" the endpoint waits at most ${local.endpoint_timeout} s for a response: at most ${local.endpoint_timeout} is allowed."
  }
}

variable "reserved_concurrency" {
  description = "Invocations that may run at once, reserved from the account's limit. 0 stops the function. Null reserves none and sets no limit."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || can(regex("^[0-9]+$", tostring(var.reserved_concurrency)))
    error_message = "reserved_concurrency must be a whole number, 0 or more, or null for no limit of its own."
  }
}

variable "provisioned_concurrency" {
  description = "Number of environments of the alias live that Lambda keeps started, billed by the hour. Null is none."
  type        = number
  default     = null

  validation {
    condition     = var.provisioned_concurrency == null || can(regex("^[1-9][0-9]*$", tostring(var.provisioned_concurrency)))
    error_message = "provisioned_concurrency must be a whole number, 1 or more, or null for none."
  }

  validation {
    condition     = var.provisioned_concurrency == null || var.reserved_concurrency == null ? true : var.provisioned_concurrency <= var.reserved_concurrency
    error_message = "provisioned_concurrency is taken out of reserved_concurrency and so must not be greater: at most ${coalesce(var.reserved_concurrency, 0)} is allowed."
  }
}

variable "tracing" {
  description = "Whether Lambda records X-Ray segments. The role then gets the two permissions for it. Spans of the program (otlp_endpoint) are children of the segments, and X-Ray decides which are sampled."
  type        = bool
  default     = false
  nullable    = false
}

variable "layers" {
  description = "ARNs of layer versions, such as the one of an OpenTelemetry collector."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = length(var.layers) <= 5 && length(distinct(var.layers)) == length(var.layers) && alltrue([
      for arn in var.layers : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]{1,140}:[1-9][0-9]*$", arn))
    ])
    error_message = "layers must be at most 5 ARNs of layer versions, each once, such as arn:aws:lambda:eu-central-1:123456789012:layer:collector:7."
  }
}

# --- Logs and alarms

variable "log_retention_days" {
  description = "Days for which log events are kept. 0 keeps them forever."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = contains(local.log_retentions, var.log_retention_days)
    error_message = "log_retention_days must be one of ${join(", ", local.log_retentions)}; CloudWatch supports no others, and 0 keeps logs forever."
  }
}

variable "system_log_level" {
  description = "Least severe level of Lambda's own log lines: debug, info (with a report for each invocation) or warn."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["debug", "info", "warn"], var.system_log_level)
    error_message = "system_log_level must be debug, info or warn."
  }
}

variable "alarms" {
  description = "Alarms on more than `errors` failed invocations or `throttles` in five minutes, and on a p99 duration above `p99_duration_ms` (80 % of the timeout by default). `actions` are the ARNs to notify, such as those of SNS topics. Null is no alarms."
  type = object({
    actions         = optional(list(string), [])
    errors          = optional(number, 0)
    throttles       = optional(number, 0)
    p99_duration_ms = optional(number)
  })
  default = null

  validation {
    condition     = alltrue([for action in try(var.alarms.actions, []) : can(regex("^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12})?:.+$", action))])
    error_message = "alarms.actions must be ARNs, such as arn:aws:sns:eu-central-1:123456789012:alerts."
  }

  validation {
    condition     = try(var.alarms.errors, 0) >= 0 && try(var.alarms.throttles, 0) >= 0
    error_message = "alarms.errors and alarms.throttles must be 0 or more: the alarm goes off above the number."
  }

  validation {
    condition     = try(var.alarms.p99_duration_ms, null) == null ? true : var.alarms.p99_duration_ms > 0 && var.alarms.p99_duration_ms < var.timeout * 1000
    error_message = "alarms.p99_duration_ms must be more than 0 and less than the timeout, which is ${var.timeout * 1000} ms: no invocation lasts longer."
  }
}
