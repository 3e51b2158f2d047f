# How requests reach the function. A variable that another endpoint type would
# ignore is refused, so that nobody relies on what is not there.

variable "endpoint_type" {
  description = "What takes the requests: http_api (API Gateway HTTP API), function_url, rest_api (API Gateway REST API), alb (a rule on an existing listener) or vpc_lattice (a rule on a listener of an existing service)."
  type        = string
  default     = "http_api"
  nullable    = false

  validation {
    condition     = contains(["http_api", "function_url", "rest_api", "alb", "vpc_lattice"], var.endpoint_type)
    error_message = "endpoint_type must be http_api, function_url, rest_api, alb or vpc_lattice."
  }
}

variable "throttling" {
  description = "Requests a second and burst above which http_api and rest_api answer 429. Null is a rate of 100 and a burst of 200."
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
    error_message = "throttling is allowed with endpoint_type = \"http_api\" or \"rest_api\" only: for ${var.endpoint_type}, reserved_concurrency sets the limit."
  }
}

variable "access_log" {
  description = "Whether the API writes a line for each request to a log group of its own. Null is yes for http_api and no for the others; rest_api needs the region's CloudWatch role in API Gateway's account settings."
  type        = bool
  default     = null

  validation {
    condition     = var.access_log != true || contains(["http_api", "rest_api"], var.endpoint_type)
    error_message = "access_log = true is allowed with endpoint_type = \"http_api\" or \"rest_api\" only: a Function URL has none, and those of a load balancer and of VPC Lattice belong to them."
  }
}

variable "function_url_auth" {
  description = "Who may call a Function URL: AWS_IAM (signed requests of this account) or NONE (everybody). Null is AWS_IAM."
  type        = string
  default     = null

  validation {
    condition     = var.function_url_auth == null ? true : contains(["AWS_IAM", "NONE"], var.function_url_auth)
    error_message = "function_url_auth must be AWS_IAM, or NONE for a public URL."
  }

  validation {
    condition     = var.function_url_auth == null || var.endpoint_type == "function_url"
    error_message = "function_url_auth is allowed with endpoint_type = \"function_url\" only: it says nothing about ${var.endpoint_type}."
  }
}

variable "alb" {
  description = "For endpoint_type = \"alb\": the listener to add a rule to, the rule's priority (null is the next free one), and the hosts and path patterns it takes (by default all hosts, and everything below base_path)."
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

variable "vpc_lattice" {
  description = "For endpoint_type = \"vpc_lattice\": the service and the listener to add a rule to, each by its id or ARN, the rule's priority, and the prefix of the paths it takes (by default base_path, or everything). The service is in the account and the region of the function."
  type = object({
    service_id  = string
    listener_id = string
    priority    = optional(number, 10)
    path_prefix = optional(string)
  })
  default = null

  validation {
    condition     = (var.vpc_lattice != null) == (var.endpoint_type == "vpc_lattice")
    error_message = "vpc_lattice must be set with endpoint_type = \"vpc_lattice\", at least as { service_id = \"svc-...\", listener_id = \"listener-...\" }, and with no other endpoint type."
  }

  validation {
    condition     = var.vpc_lattice == null ? true : can(regex("^(arn:[a-z-]+:vpc-lattice:[a-z0-9-]+:[0-9]{12}:service/)?svc-[0-9a-z]{17}$", var.vpc_lattice.service_id))
    error_message = "vpc_lattice.service_id must be the id or the ARN of a service: svc- and 17 letters and digits."
  }

  validation {
    condition     = var.vpc_lattice == null ? true : can(regex("^(arn:[a-z-]+:vpc-lattice:[a-z0-9-]+:[0-9]{12}:service/svc-[0-9a-z]{17}/listener/)?listener-[0-9a-z]{17}$", var.vpc_lattice.listener_id))
    error_message = "vpc_lattice.listener_id must be the id or the ARN of a listener: listener- and 17 letters and digits."
  }

  validation {
    condition     = var.vpc_lattice == null ? true : var.vpc_lattice.priority >= 1 && var.vpc_lattice.priority <= 100 && floor(var.vpc_lattice.priority) == var.vpc_lattice.priority
    error_message = "vpc_lattice.priority must be a whole number from 1 to 100."
  }

  validation {
    condition     = try(var.vpc_lattice.path_prefix, null) == null ? true : can(regex("^/[^ ?#]{0,199}$", var.vpc_lattice.path_prefix))
    error_message = "vpc_lattice.path_prefix must begin with a slash and have at most 200 characters, such as /v1."
  }

  validation {
    condition     = var.vpc_lattice == null || (length(var.name) >= 3 && !strcontains(var.name, "--") && !can(regex("^(tg|rule)-", var.name)))
    error_message = "vpc_lattice must have a name of at least 3 characters, without two hyphens in a row, that does not begin with tg- or rule-: VPC Lattice takes no other names."
  }
}
