# What sends the function events that are not HTTP: queues, streams, rules and
# schedules, and a queue for what fails for good.

locals {
  # Where Lambda, EventBridge and its scheduler put events that they give up on.
  # For an event queue, the user sets a dead-letter queue on that queue.
  dead_letters = toset(length(var.event_streams) + length(var.event_rules) + length(var.schedules) > 0 ? ["events"] : [])

  queue_arns = [for queue in var.event_queues : queue.arn]

  stream_arns = {
    for service in ["kinesis", "dynamodb"] :
    service => [for stream in var.event_streams : stream.arn if split(":", stream.arn)[2] == service]
  }

  event_statements = concat(
    [for arns in [local.queue_arns] : {
      Sid      = "ReadQueues"
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      Resource = arns
    } if length(arns) > 0],
    [for arns in [local.stream_arns.kinesis] : {
      Sid      = "ReadKinesisStreams"
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      Resource = arns
    } if length(arns) > 0],
    [for arns in [local.stream_arns.dynamodb] : {
      Sid      = "ReadTableStreams"
      Effect   = "Allow"
      Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
      Resource = arns
    } if length(arns) > 0],
    [for queue in aws_sqs_queue.dead_letters : {
      Sid      = "WriteDeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [queue.arn]
    }],
  )
}

resource "aws_iam_role_policy" "events" {
  for_each = toset(length(var.event_queues) > 0 || length(local.dead_letters) > 0 ? ["events"] : [])

  name = "events"
  role = aws_iam_role.function.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.event_statements
  })
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = var.event_queues

  event_source_arn                   = each.value.arn
  function_name                      = aws_lambda_alias.live.arn
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.maximum_batching_window_seconds

  # Without this, failed messages are deleted with the others.
  function_response_types = ["ReportBatchItemFailures"]

  dynamic "scaling_config" {
    for_each = each.value.maximum_concurrency[*]

    content {
      maximum_concurrency = scaling_config.value
    }
  }

  # Lambda checks its permission to read when the mapping is created.
  depends_on = [aws_iam_role_policy.events]
}

resource "aws_lambda_event_source_mapping" "stream" {
  for_each = var.event_streams

  event_source_arn                   = each.value.arn
  function_name                      = aws_lambda_alias.live.arn
  starting_position                  = each.value.starting_position
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.maximum_batching_window_seconds
  maximum_retry_attempts             = each.value.maximum_retry_attempts
  parallelization_factor             = each.value.parallelization_factor
  function_response_types            = ["ReportBatchItemFailures"]

  # A record that cannot be handled holds up its shard until the attempts are used up.
  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letters["events"].arn
    }
  }

  depends_on = [aws_iam_role_policy.events]
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = local.dead_letters

  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600 # 14 days, the longest there is
  sqs_managed_sse_enabled   = true
}

# An asynchronous invocation that has failed three times.
resource "aws_lambda_function_event_invoke_config" "live" {
  for_each = aws_sqs_queue.dead_letters

  function_name          = aws_lambda_alias.live.function_name
  qualifier              = aws_lambda_alias.live.name
  maximum_retry_attempts = 2

  destination_config {
    on_failure {
      destination = each.value.arn
    }
  }

  depends_on = [aws_iam_role_policy.events]
}

resource "aws_cloudwatch_event_rule" "events" {
  for_each = var.event_rules

  name           = "${var.name}-${each.key}"
  description    = "Events for ${var.name}"
  event_bus_name = each.value.bus
  event_pattern  = each.value.pattern
}

resource "aws_cloudwatch_event_target" "events" {
  for_each = aws_cloudwatch_event_rule.events

  rule           = each.value.name
  event_bus_name = each.value.event_bus_name
  arn            = aws_lambda_alias.live.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters["events"].arn
  }
}

resource "aws_lambda_permission" "rule" {
  for_each = aws_cloudwatch_event_rule.events

  statement_id  = "Rule-${replace(each.key, ".", "_")}"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = each.value.arn
  function_name = aws_lambda_alias.live.function_name
  qualifier     = aws_lambda_alias.live.name
}

resource "aws_sqs_queue_policy" "dead_letters" {
  for_each = length(var.event_rules) > 0 ? aws_sqs_queue.dead_letters : {}

  queue_url = each.value.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EventBridgeSendsWhatItCannotDeliver"
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Principal = { Service = "events.amazonaws.com" }
      Resource  = each.value.arn
      Condition = { ArnEquals = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.events : rule.arn] } }
    }]
  })
}

resource "aws_scheduler_schedule" "events" {
  for_each = var.schedules

  name                         = "${var.name}-${each.key}"
  description                  = "Calls ${var.name}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_alias.live.arn
    role_arn = aws_iam_role.scheduler["events"].arn

    # The scheduler replaces what is in angle brackets, which jsonencode escapes. The
    # id is the same for each attempt.
    input = replace(replace(jsonencode({
      version     = "0"
      id          = "<aws.scheduler.schedule-arn>/<aws.scheduler.scheduled-time>"
      detail-type = "Scheduled Event"
      source      = "aws.scheduler"
      time        = "<aws.scheduler.scheduled-time>"
      resources   = ["<aws.scheduler.schedule-arn>"]
      detail      = jsondecode(each.value.request)
    }), "\\u003c", "<"), "\\u003e", ">")

    dead_letter_config {
      arn = aws_sqs_queue.dead_letters["events"].arn
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}

resource "aws_iam_role" "scheduler" {
  for_each = toset(length(var.schedules) > 0 ? ["events"] : [])

  name_prefix = "${substr(var.name, 0, 26)}-scheduler-"
  description = "Lets EventBridge Scheduler call ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  for_each = aws_iam_role.scheduler

  name = "invoke"
  role = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "InvokeTheFunction"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = aws_lambda_alias.live.arn
      },
      {
        Sid      = "WriteDeadLetters"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.dead_letters["events"].arn
      },
    ]
  })
}
