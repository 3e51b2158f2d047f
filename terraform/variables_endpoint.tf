# How requests reach the function. A variable that another endpoint type would
# ignore is refused, so that nobody relies on it.

variable "endpoint_type" {
  description = "Kind of endpoint: http_api (API Gateway HTTP API), function_url, rest_api (API Gateway REST API), alb (a rule on an existing listener), or none, for a function that something else calls by its alias."
  type        = string
  default     = "http_api"
  nullable    = false

  validation {
    condition     = contains(["http_api", "function_url", "rest_api", "alb", "none"], var.endpoint_type)
    error_message = "endpoint_type must be http_api, function_url, rest_api, alb or none."
  }
}

variable "throttling" {
  description = "Requests a second and burst above which http_api and rest_api respond with 429. Null is a rate of 100 and a burst of 200."
  type = object({
    rate  = number
    burst = number
  })
  default = null

  validation {
    condition     = var.throttling == null ? true : var.throttling.rate > 0 && var.throttling.burst >= 1 && floor(var.throttling.burst) == var.throttling.burst
    error_message = "throttling must have a rate above 0 and a burst that is a whole number, 1 or more; with 0 every request would be a 429."
  }

  validation {
    condition     = var.throttling == null || contains(["http_api", "rest_api"], var.endpoint_type)
    error_message = "throttling is allowed with endpoint_type = \"http_api\" or \"rest_api\" only: otherwise, reserved_concurrency sets the limit."
  }
}

variable "access_log" {
  description = "Whether the API writes a line for each request to a log group of its own. Null is true for http_api and false for the others. rest_api needs the region's CloudWatch role in API Gateway's account settings."
  type        = bool
  default     = null

  validation {
    condition     = var.access_log != true || contains(["http_api", "rest_api"], var.endpoint_type)
    error_message = "access_log = true is allowed with endpoint_type = \"http_api\" or \"rest_api\" only: a Function URL has none, and that of a load balancer belongs to it."
  }
}

variable "function_url_auth" {
  description = "Who may call a Function URL: AWS_IAM (signed requests of this account) or NONE (anyone). Null is AWS_IAM."
  type        = string
  default     = null

  validation {
    condition     = var.function_url_auth == null ? true : contains(["AWS_IAM", "NONE"], var.function_url_auth)
    error_message = "function_url_auth must be AWS_IAM, or NONE for a public URL."
  }

  validation {
    condition     = var.function_url_auth == null || var.endpoint_type == "function_url"
    error_message = "function_url_auth is allowed with endpoint_type = \"function_url\" only: it says who may call a Function URL."
  }
}

variable "alb" {
  description = "For endpoint_type = \"alb\": the listener to add a rule to, the rule's priority (null is the next free one), and the hosts and path patterns that it matches (by default all hosts, and all paths below base_path)."
  type = object({
    listener_arn = string
    priority     = optional(number)
    hosts        = optional(list(string), [])
    paths        = optional(list(string))
  })
  default = null

  validation {
    condition     = (var.alb != null) == (var.endpoint_type == "alb")
    error_message = "alb must be set with endpoint_type = \"alb\", at least as { listener_arn = \"...\" }, and with no other endpoint type."
  }

  validation {
    condition     = var.alb == null ? true : can(regex("^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener/app/.+$", var.alb.listener_arn))
    error_message = "alb.listener_arn must be the ARN of a listener of an Application Load Balancer: arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener/app/..."
  }

  validation {
    condition     = try(var.alb.priority, null) == null ? true : var.alb.priority >= 1 && var.alb.priority <= 50000 && floor(var.alb.priority) == var.alb.priority
    error_message = "alb.priority must be a whole number from 1 to 50000, or null for the next free one."
  }

  validation {
    condition     = alltrue([for host in try(var.alb.hosts, []) : can(regex("^[A-Za-z0-9.*?-]{1,128}$", host))])
    error_message = "alb.hosts must be host names of at most 128 characters without scheme or port; * and ? are allowed as wildcards."
  }

  validation {
    condition     = alltrue([for path in try(coalescelist(var.alb.paths), []) : can(regex("^/[^ ]{0,127}$", path))])
    error_message = "alb.paths must be path patterns that begin with a slash and have at most 128 characters, such as /v1/*."
  }

  validation {
    condition     = try(length(var.alb.paths), 1) >= 1
    error_message = "alb.paths must name at least one pattern, or be null for everything below base_path."
  }

  validation {
    condition     = length(try(var.alb.hosts, [])) + try(length(var.alb.paths), var.base_path == "" ? 1 : 2) <= 5
    error_message = "alb.hosts and alb.paths must together have at most 5 entries, the most that a rule can hold; without alb.paths, base_path counts as 2 and no base_path as 1."
  }
}
