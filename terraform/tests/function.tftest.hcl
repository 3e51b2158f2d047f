# The function, its role, its log group and its alias, whatever the endpoint.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = aws_cloudwatch_log_group.function
  values = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:function" }
}

override_resource {
  target = aws_cloudwatch_log_group.access
  values = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:access" }
}

variables {
  zip_file = "tests/stand-in.txt"
}

run "the_function_by_default" {
  assert {
    condition     = aws_lambda_function.gateway.runtime == "provided.al2023" && aws_lambda_function.gateway.handler == "bootstrap"
    error_message = "the function is not a bootstrap on provided.al2023"
  }

  assert {
    condition     = aws_lambda_function.gateway.architectures == tolist(["arm64"])
    error_message = "the architecture is not arm64"
  }

  assert {
    condition     = aws_lambda_function.gateway.filename == "tests/stand-in.txt" && aws_lambda_function.gateway.source_code_hash == filebase64sha256("tests/stand-in.txt")
    error_message = "the function's code is not the zip with its hash"
  }

  assert {
    condition     = aws_lambda_function.gateway.timeout == 25 && aws_lambda_function.gateway.memory_size == 256
    error_message = "timeout and memory are not the defaults, or are left to Lambda's 3 s and 128 MB"
  }

  assert {
    condition     = aws_lambda_function.gateway.role == aws_iam_role.function.arn
    error_message = "the function has another role"
  }

  assert {
    condition     = aws_lambda_function.gateway.tracing_config[0].mode == "PassThrough" && aws_lambda_function.gateway.reserved_concurrent_executions == null
    error_message = "tracing or reserved concurrency is on by default"
  }

  assert {
    condition     = aws_lambda_function.gateway.publish && aws_lambda_alias.live.function_version == "8" && aws_lambda_alias.live.name == "live"
    error_message = "the alias live does not point to the version published last"
  }

  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.live) == 0 && length(aws_cloudwatch_metric_alarm.function) == 0
    error_message = "provisioned concurrency or alarms are there by default"
  }
}

run "the_program_gets_its_settings" {
  assert {
    condition = aws_lambda_function.gateway.environment[0].variables == tomap({
      TRANSPORT         = "unix,bufconn"
      LOG_LEVEL         = "info"
      RESPONSE_MODE     = "buffered"
      BASE_PATH         = ""
      METRICS           = "off"
      METRICS_NAMESPACE = "lambda-grpc-gateway"
      DEADLINE_MARGIN   = "500ms"
      CORS_ORIGINS      = ""
      RPC               = "on"
      RUNTIME_LIMITS    = "auto"
      EVENTS            = ""
      FAIL_ON_5XX       = "off"
      GOMAXPROCS        = "1"
    })
    error_message = "the environment is not the default settings: ${jsonencode(aws_lambda_function.gateway.environment[0].variables)}"
  }
}

run "settings_reach_the_environment" {
  variables {
    transport         = "inproc"
    log_level         = "error"
    base_path         = "/shop/v2"
    metrics           = "emf"
    metrics_namespace = "shop/orders"
    deadline_margin   = "1.5s"
    cors              = ["https://a.example.com", "http://localhost:3000"]
    runtime_limits    = "off"
    events            = ["sqs:orders=orders.v1.Orders/Create", "warmer"]
    fail_on_5xx       = true
    environment       = { TABLE = "orders" }
  }

  assert {
    condition = aws_lambda_function.gateway.environment[0].variables == tomap({
      TRANSPORT         = "inproc"
      LOG_LEVEL         = "error"
      RESPONSE_MODE     = "buffered"
      BASE_PATH         = "/shop/v2"
      METRICS           = "emf"
      METRICS_NAMESPACE = "shop/orders"
      DEADLINE_MARGIN   = "1.5s"
      CORS_ORIGINS      = "https://a.example.com,http://localhost:3000"
      RPC               = "on"
      RUNTIME_LIMITS    = "off"
      EVENTS            = "sqs:orders=orders.v1.Orders/Create,warmer"
      FAIL_ON_5XX       = "on"
      TABLE             = "orders"
    })
    error_message = "the environment is not what was set: ${jsonencode(aws_lambda_function.gateway.environment[0].variables)}"
  }

  assert {
    condition     = output.endpoint == "https://mocked-http.execute-api.eu-central-1.amazonaws.com/shop/v2"
    error_message = "the endpoint does not end with the base path: ${output.endpoint}"
  }
}

run "a_whole_core_gets_all_processors" {
  variables {
    memory_size = 1769
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.gateway.environment[0].variables), "GOMAXPROCS")
    error_message = "GOMAXPROCS is set for a function with a whole core"
  }
}

run "the_environment_can_set_the_processors" {
  variables {
    environment = { GOMAXPROCS = "2" }
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables["GOMAXPROCS"] == "2"
    error_message = "GOMAXPROCS of environment has no effect"
  }
}

run "the_log_group_is_the_one_the_role_may_write_to" {
  variables {
    name               = "orders"
    log_retention_days = 90
  }

  assert {
    condition     = aws_cloudwatch_log_group.function.name == "/aws/lambda/orders" && aws_cloudwatch_log_group.function.retention_in_days == 90
    error_message = "the log group has another name or retention"
  }

  assert {
    condition     = aws_lambda_function.gateway.logging_config[0].log_group == aws_cloudwatch_log_group.function.name && output.log_group == "/aws/lambda/orders"
    error_message = "the function logs elsewhere"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.function.policy).Statement == [{
      Sid      = "WriteOwnLogGroup"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "arn:aws:logs:eu-central-1:123456789012:log-group:function:*"
    }]
    error_message = "the role may do something else than write to the function's log group: ${aws_iam_role_policy.function.policy}"
  }

  assert {
    condition     = aws_iam_role_policy.function.role == aws_iam_role.function.id
    error_message = "the policy is another role's"
  }

  assert {
    condition = jsondecode(aws_iam_role.function.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
    error_message = "the role may be assumed by another than Lambda: ${aws_iam_role.function.assume_role_policy}"
  }
}

run "logs_are_json_with_the_levels" {
  variables {
    log_level        = "warn"
    system_log_level = "warn"
  }

  assert {
    condition = (
      aws_lambda_function.gateway.logging_config[0].log_format == "JSON" &&
      aws_lambda_function.gateway.logging_config[0].application_log_level == "WARN" &&
      aws_lambda_function.gateway.logging_config[0].system_log_level == "WARN"
    )
    error_message = "the log is not JSON at the levels that were set: ${jsonencode(aws_lambda_function.gateway.logging_config)}"
  }
}

run "metric_lines_pass_lambdas_filter_at_every_level" {
  variables {
    log_level = "error"
    metrics   = "emf"
  }

  assert {
    condition     = aws_lambda_function.gateway.logging_config[0].application_log_level == upper(aws_lambda_function.gateway.environment[0].variables.LOG_LEVEL)
    error_message = "Lambda filters at another level than the program's, which its metric lines bear"
  }
}

run "tracing_adds_the_two_permissions_it_needs" {
  variables {
    tracing = true
  }

  assert {
    condition     = aws_lambda_function.gateway.tracing_config[0].mode == "Active"
    error_message = "the function does not trace"
  }

  assert {
    condition = jsonencode([for s in jsondecode(aws_iam_role_policy.function.policy).Statement : s.Action]) == jsonencode([
      ["logs:CreateLogStream", "logs:PutLogEvents"],
      ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
    ])
    error_message = "the role may not write traces, or may do more: ${aws_iam_role_policy.function.policy}"
  }
}

run "concurrency_is_reserved_and_provisioned_on_the_alias" {
  variables {
    reserved_concurrency    = 20
    provisioned_concurrency = 20
  }

  assert {
    condition     = aws_lambda_function.gateway.reserved_concurrent_executions == 20
    error_message = "reserved concurrency is not set"
  }

  assert {
    condition = (
      aws_lambda_provisioned_concurrency_config.live["live"].provisioned_concurrent_executions == 20 &&
      aws_lambda_provisioned_concurrency_config.live["live"].qualifier == aws_lambda_alias.live.name
    )
    error_message = "concurrency is not provisioned on the alias"
  }
}

run "reserved_concurrency_0_stops_the_function" {
  variables {
    reserved_concurrency = 0
  }

  assert {
    condition     = aws_lambda_function.gateway.reserved_concurrent_executions == 0
    error_message = "0 was taken for no limit"
  }
}

run "rolling_back_moves_the_alias_alone" {
  variables {
    live_version = "7"
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "7" && output.live_version == "7" && aws_lambda_function.gateway.version == "8"
    error_message = "the alias does not point to version 7"
  }
}

run "x86_64_is_amd64" {
  variables {
    architecture = "x86_64"
  }

  assert {
    condition     = aws_lambda_function.gateway.architectures == tolist(["x86_64"])
    error_message = "the architecture is not x86_64"
  }
}

run "alarms_watch_errors_throttles_and_p99" {
  variables {
    timeout = 10
    alarms = {
      actions   = ["arn:aws:sns:eu-central-1:123456789012:alerts"]
      throttles = 5
    }
  }

  assert {
    condition = jsonencode({ for key, alarm in aws_cloudwatch_metric_alarm.function : key => [alarm.metric_name, alarm.statistic, alarm.extended_statistic, alarm.threshold] }) == jsonencode({
      errors       = ["Errors", "Sum", null, 0]
      throttles    = ["Throttles", "Sum", null, 5]
      p99-duration = ["Duration", null, "p99", 8000]
    })
    error_message = "the alarms are others: ${jsonencode(aws_cloudwatch_metric_alarm.function)}"
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.function :
      alarm.namespace == "AWS/Lambda" && alarm.dimensions == tomap({ FunctionName = "lambda-grpc-gateway" }) &&
      alarm.comparison_operator == "GreaterThanThreshold" && alarm.treat_missing_data == "notBreaching" &&
      alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:alerts"]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "an alarm watches something else, or tells nobody"
  }
}

run "outputs_name_what_is_there" {
  variables {
    name = "orders"
  }

  assert {
    condition = (
      output.function_name == "orders" &&
      output.function_arn == "arn:aws:lambda:eu-central-1:123456789012:function:mocked" &&
      output.alias == "live" && output.alias_arn == "arn:aws:lambda:eu-central-1:123456789012:function:mocked:live" &&
      output.role_name == "mocked-role" && output.live_version == "8"
    )
    error_message = "an output is wrong"
  }
}

run "telemetry_goes_to_the_collector_of_a_layer" {
  variables {
    otlp_endpoint = "http://localhost:4318"
    layers        = ["arn:aws:lambda:eu-central-1:123456789012:layer:collector-arm64:7"]
    environment   = { OTEL_SERVICE_NAME = "orders" }
  }

  assert {
    condition     = aws_lambda_function.gateway.layers == tolist(["arn:aws:lambda:eu-central-1:123456789012:layer:collector-arm64:7"])
    error_message = "the function has not the layer"
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://localhost:4318" && aws_lambda_function.gateway.environment[0].variables["OTEL_PROPAGATORS"] == "tracecontext" && aws_lambda_function.gateway.environment[0].variables["OTEL_SERVICE_NAME"] == "orders"
    error_message = "without tracing, the function would follow a decision that nobody took"
  }
}

run "telemetry_follows_x_ray_with_tracing" {
  variables {
    otlp_endpoint = "https://otlp.example.com/v1-x"
    tracing       = true
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables["OTEL_PROPAGATORS"] == "xray,tracecontext"
    error_message = "X-Ray's header names no parents"
  }
}
