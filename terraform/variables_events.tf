# Events that are not HTTP: which method they call, and what sends them.

variable "events" {
  description = "Which events call which method (EVENTS), such as [\"sqs:orders=orders.v1.Orders/Create\"]. docs/triggers.md has the syntax."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for event in var.events :
      can(regex("^(warmer|direct(=[\\w.]+)?|(sqs|sns|dynamodb|kinesis|s3|schedule|eventbridge)(:[^=,]*)?=[\\w.]+/\\w+)$", event))
    ])
    error_message = "events must be a list of triggers such as \"sqs:orders=orders.v1.Orders/Create\"; the sources sqs, sns, dynamodb, kinesis, s3, schedule, eventbridge, direct and warmer are allowed."
  }
}

variable "fail_on_5xx" {
  description = "Whether a response of 500 or above is an error of the invocation (FAIL_ON_5XX), for functions that are invoked asynchronously."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.fail_on_5xx || var.response_mode != "stream"
    error_message = "fail_on_5xx is allowed with response_mode = \"buffered\" only: a streamed response cannot become an error."
  }
}

variable "event_queues" {
  description = "SQS queues whose messages the function receives, by a name of your choice. A queue should have a dead-letter queue of its own, and a visibility timeout of six times the function's timeout."
  type = map(object({
    arn                             = string
    batch_size                      = optional(number, 10)
    maximum_batching_window_seconds = optional(number, 0)
    maximum_concurrency             = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for queue in var.event_queues : can(regex("^arn:[\\w-]+:sqs:[\\w-]+:\\d{12}:[\\w-]+(\\.fifo)?$", queue.arn))])
    error_message = "event_queues must have the ARN of an SQS queue as arn, such as arn:aws:sqs:eu-central-1:123456789012:orders."
  }

  validation {
    condition = alltrue([
      for queue in var.event_queues :
      queue.batch_size >= 1 && queue.batch_size <= (endswith(queue.arn, ".fifo") || queue.maximum_batching_window_seconds == 0 ? 10 : 10000) &&
      queue.maximum_batching_window_seconds >= 0 && queue.maximum_batching_window_seconds <= (endswith(queue.arn, ".fifo") ? 0 : 300)
    ])
    error_message = "event_queues must have a batch_size from 1 to 10, or to 10000 with maximum_batching_window_seconds, which must be from 0 to 300 and is not allowed for a FIFO queue."
  }

  validation {
    condition     = alltrue([for queue in var.event_queues : queue.maximum_concurrency == null ? true : queue.maximum_concurrency >= 2 && queue.maximum_concurrency <= 1000])
    error_message = "event_queues must have a maximum_concurrency from 2 to 1000, or none."
  }

  validation {
    condition     = length(var.event_queues) == 0 || anytrue([for event in var.events : startswith(event, "sqs")])
    error_message = "event_queues is allowed with a trigger for sqs in events only: without one each message is an error."
  }
}

variable "event_streams" {
  description = "Kinesis streams and streams of DynamoDB tables whose records the function receives, by a name of your choice."
  type = map(object({
    arn                             = string
    starting_position               = optional(string, "LATEST")
    batch_size                      = optional(number, 100)
    maximum_batching_window_seconds = optional(number, 0)
    maximum_retry_attempts          = optional(number, 10)
    parallelization_factor          = optional(number, 1)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for stream in var.event_streams : can(regex("^arn:[\\w-]+:(kinesis:[\\w-]+:\\d{12}:stream/[\\w.-]+|dynamodb:[\\w-]+:\\d{12}:table/[\\w.-]+/stream/[\\w.:-]+)$", stream.arn))])
    error_message = "event_streams must have the ARN of a Kinesis stream or of a DynamoDB table's stream as arn."
  }

  validation {
    condition     = alltrue([for stream in var.event_streams : contains(["LATEST", "TRIM_HORIZON"], stream.starting_position)])
    error_message = "event_streams must have LATEST or TRIM_HORIZON as starting_position."
  }

  validation {
    condition = alltrue([
      for stream in var.event_streams :
      stream.batch_size >= 1 && stream.batch_size <= 10000 &&
      stream.maximum_batching_window_seconds >= 0 && stream.maximum_batching_window_seconds <= 300 &&
      stream.maximum_retry_attempts >= 0 && stream.maximum_retry_attempts <= 10000 &&
      stream.parallelization_factor >= 1 && stream.parallelization_factor <= 10
    ])
    error_message = "event_streams must have a batch_size from 1 to 10000, maximum_batching_window_seconds from 0 to 300, maximum_retry_attempts from 0 to 10000 and a parallelization_factor from 1 to 10."
  }

  validation {
    condition = alltrue([
      for stream in var.event_streams :
      anytrue([for event in var.events : startswith(event, split(":", stream.arn)[2])])
    ])
    error_message = "event_streams is allowed with a trigger for kinesis or dynamodb in events only: without one each batch is an error."
  }
}

variable "event_rules" {
  description = "Rules of EventBridge whose events the function receives, by name: the pattern in JSON, and the bus if it is not the account's default."
  type = map(object({
    pattern = string
    bus     = optional(string, "default")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, rule in var.event_rules : can(regex("^[\\w.-]{1,40}$", name)) && can(keys(jsondecode(rule.pattern)))])
    error_message = "event_rules must have names of up to 40 letters, digits and ._-, and patterns that are JSON objects, such as {\"source\":[\"com.example.shop\"]}."
  }

  validation {
    condition     = length(var.event_rules) == 0 || anytrue([for event in var.events : startswith(event, "eventbridge")])
    error_message = "event_rules is allowed with a trigger for eventbridge in events only: without one each event is an error."
  }
}

variable "schedules" {
  description = "Schedules that call the function, by name: an expression such as rate(5 minutes) or cron(0 3 * * ? *), its time zone, and the request of the method in JSON."
  type = map(object({
    expression = string
    timezone   = optional(string, "UTC")
    request    = optional(string, "{}")
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for name, schedule in var.schedules :
      can(regex("^[\\w.-]{1,40}$", name)) && can(regex("^(rate|cron|at)\\(.+\\)$", schedule.expression)) && can(keys(jsondecode(schedule.request)))
    ])
    error_message = "schedules must have names of up to 40 letters, digits and ._-, expressions such as rate(5 minutes), cron(...) or at(...), and requests that are JSON objects."
  }

  validation {
    condition     = length(var.schedules) == 0 || anytrue([for event in var.events : startswith(event, "schedule") || event == "warmer"])
    error_message = "schedules is allowed with a trigger for schedule, or warmer, in events only: without one each is an error."
  }
}
