variable "name" {
  description = "Name of the target group and of the rule, such as the function's."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name)) && !strcontains(var.name, "--") && !can(regex("^(tg|rule)-", var.name))
    error_message = "name must have 3 to 63 lower-case letters, digits and hyphens, no hyphen at either end, no two in a row, and not begin with tg- or rule-: VPC Lattice accepts no other names."
  }
}

variable "alias_arn" {
  description = "ARN of the alias of the function that receives the requests, such as the output alias_arn of the module in terraform/."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,128}$", var.alias_arn))
    error_message = "alias_arn must be the ARN of an alias: arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS."
  }
}

variable "service_id" {
  description = "Id or ARN of the service, in the account and the region of the function."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:vpc-lattice:[a-z0-9-]+:[0-9]{12}:service/)?svc-[0-9a-z]{17}$", var.service_id))
    error_message = "service_id must be the id or the ARN of a service: svc- and 17 letters and digits."
  }
}

variable "listener_id" {
  description = "Id or ARN of the listener of that service to add a rule to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:vpc-lattice:[a-z0-9-]+:[0-9]{12}:service/svc-[0-9a-z]{17}/listener/)?listener-[0-9a-z]{17}$", var.listener_id))
    error_message = "listener_id must be the id or the ARN of a listener: listener- and 17 letters and digits."
  }
}

variable "priority" {
  description = "Priority of the rule among those of the listener. No two rules can have the same."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.priority >= 1 && var.priority <= 100 && floor(var.priority) == var.priority
    error_message = "priority must be a whole number from 1 to 100."
  }
}

variable "path_prefix" {
  description = "Prefix of the paths that the rule matches. It begins with the function's base_path, if that is set."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/[^ ?#]{0,199}$", var.path_prefix))
    error_message = "path_prefix must begin with a slash and have at most 200 characters, such as /v1."
  }
}
