# Queues, streams, rules and schedules that call the function.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  zip_file = "tests/stand-in.txt"
}

run "nothing_by_default" {
  assert {
    condition     = length(aws_lambda_event_source_mapping.queue) + length(aws_lambda_event_source_mapping.stream) + length(aws_cloudwatch_event_rule.events) + length(aws_scheduler_schedule.events) == 0
    error_message = "something sends events by default"
  }

  assert {
    condition     = length(aws_sqs_queue.dead_letters) + length(aws_iam_role_policy.events) + length(aws_lambda_function_event_invoke_config.live) == 0
    error_message = "there is a dead-letter queue or a permission by default"
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables.EVENTS == "" && aws_lambda_function.gateway.environment[0].variables.FAIL_ON_5XX == "off"
    error_message = "the program has triggers by default"
  }
}

run "a_queue" {
  variables {
    events       = ["sqs:orders=orders.v1.Orders/Create", "warmer"]
    event_queues = { orders = { arn = "arn:aws:sqs:eu-central-1:123456789012:orders", maximum_concurrency = 5 } }
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables.EVENTS == "sqs:orders=orders.v1.Orders/Create,warmer"
    error_message = "the program does not get the triggers"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["orders"].event_source_arn == "arn:aws:sqs:eu-central-1:123456789012:orders" && aws_lambda_event_source_mapping.queue["orders"].function_name == aws_lambda_alias.live.arn
    error_message = "the mapping is not from the queue to the alias"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["orders"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "messages that failed would be lost"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["orders"].scaling_config[0].maximum_concurrency == 5 && aws_lambda_event_source_mapping.queue["orders"].batch_size == 10
    error_message = "the mapping has another concurrency or batch size"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.events["events"].policy).Statement == [{ Sid = "ReadQueues", Effect = "Allow", Action = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], Resource = ["arn:aws:sqs:eu-central-1:123456789012:orders"] }]
    error_message = "the function may not read the queue, or more than that"
  }

  assert {
    condition     = length(aws_sqs_queue.dead_letters) == 0
    error_message = "a queue of the user's has its own dead-letter queue"
  }
}

run "streams" {
  variables {
    events = ["kinesis=orders.v1.Orders/Click", "dynamodb=orders.v1.Orders/Change"]
    event_streams = {
      clicks = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks" }
      items  = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/items/stream/2025-11-25T00:00:00.000", starting_position = "TRIM_HORIZON" }
    }
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.stream : mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.maximum_retry_attempts == 10])
    error_message = "records that failed would be lost, or hold up their shard for ever"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.stream : mapping.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.dead_letters["events"].arn])
    error_message = "what fails for good does not go to the dead-letter queue"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream["clicks"].starting_position == "LATEST" && aws_lambda_event_source_mapping.stream["items"].starting_position == "TRIM_HORIZON"
    error_message = "the mappings start elsewhere"
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.events["events"].policy).Statement : statement.Sid] == ["ReadKinesisStreams", "ReadTableStreams", "WriteDeadLetters"]
    error_message = "the function may not read the streams"
  }
}

run "a_rule_and_a_schedule" {
  variables {
    events      = ["eventbridge:com.example.shop=orders.v1.Orders/Place", "schedule:lambda-grpc-gateway-sweep=orders.v1.Orders/Sweep"]
    event_rules = { placed = { pattern = "{\"source\":[\"com.example.shop\"]}" } }
    schedules   = { sweep = { expression = "rate(5 minutes)", request = "{\"limit\":10}" } }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.events["placed"].name == "lambda-grpc-gateway-placed" && aws_cloudwatch_event_target.events["placed"].arn == aws_lambda_alias.live.arn && aws_cloudwatch_event_target.events["placed"].dead_letter_config[0].arn == aws_sqs_queue.dead_letters["events"].arn
    error_message = "the rule does not call the alias, or has no dead-letter queue"
  }

  assert {
    condition     = aws_lambda_permission.rule["placed"].principal == "events.amazonaws.com" && aws_lambda_permission.rule["placed"].source_arn == aws_cloudwatch_event_rule.events["placed"].arn && aws_lambda_permission.rule["placed"].qualifier == "live"
    error_message = "the rule may not call the alias, or others may too"
  }

  assert {
    condition     = aws_scheduler_schedule.events["sweep"].target[0].arn == aws_lambda_alias.live.arn && aws_scheduler_schedule.events["sweep"].target[0].dead_letter_config[0].arn == aws_sqs_queue.dead_letters["events"].arn
    error_message = "the schedule does not call the alias, or has no dead-letter queue"
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.events["sweep"].target[0].input).detail == { limit = 10 } && strcontains(aws_scheduler_schedule.events["sweep"].target[0].input, "\"<aws.scheduler.scheduled-time>\"")
    error_message = "the schedule's event is not one that the program understands"
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.live["events"].destination_config[0].on_failure[0].destination == aws_sqs_queue.dead_letters["events"].arn
    error_message = "an asynchronous invocation that fails for good is lost"
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_policy.dead_letters["events"].policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == [aws_cloudwatch_event_rule.events["placed"].arn]
    error_message = "EventBridge may not write dead letters, or others may too"
  }
}
