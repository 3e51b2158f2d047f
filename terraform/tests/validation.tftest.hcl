# A value that a variable does not allow is refused by that variable, at plan time.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  zip_file = "tests/stand-in.txt"
}

run "what_is_just_allowed" {
  command = plan

  variables {
    name                    = "a-234567890123456789012345678901"
    region                  = "us-gov-west-1"
    tags                    = { "Größe/Team:1" = "a+b@c.d = e_f-g" }
    live_version            = "10"
    memory_size             = 10240
    timeout                 = 30
    reserved_concurrency    = 1
    provisioned_concurrency = 1
    transport               = "tcp,inproc,bufconn,unix"
    base_path               = "/~a/v1.0/_b-c"
    deadline_margin         = "29999ms"
    cors                    = ["https://*.example.com", "http://localhost:3000", "capacitor://localhost"]
    environment             = { ab = "", Table_2 = "x" }
    log_retention_days      = 0
    alarms                  = { p99_duration_ms = 29999.5 }
    throttling              = { rate = 0.1, burst = 1 }
  }

  assert {
    condition     = aws_lambda_function.gateway.timeout == 30 && aws_cloudwatch_log_group.function.retention_in_days == 0
    error_message = "the values did not get through"
  }
}

run "what_is_just_allowed_at_the_other_end" {
  command = plan

  variables {
    name            = "a"
    memory_size     = 128
    timeout         = 1
    deadline_margin = "0s"
    transport       = "inproc"
    endpoint_type   = "alb"
    alb = {
      listener_arn = "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210"
      priority     = 50000
      hosts        = ["*.example.com", "a?.example.com", "example.com"]
      paths        = ["/v1/*", "/healthz"]
    }
  }

  assert {
    condition     = aws_lb_listener_rule.function["alb"].priority == 50000 && aws_lambda_function.gateway.memory_size == 128
    error_message = "the values did not get through"
  }
}

run "name_with_capitals" {
  command = plan

  variables {
    name = "Orders"
  }

  expect_failures = [var.name]
}

run "name_of_33_characters" {
  command = plan

  variables {
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.name]
}

run "name_ending_with_a_hyphen" {
  command = plan

  variables {
    name = "orders-"
  }

  expect_failures = [var.name]
}

run "region_that_is_a_zone" {
  command = plan

  variables {
    region = "eu-central-1a"
  }

  expect_failures = [var.region]
}

run "tag_reserved_for_aws" {
  command = plan

  variables {
    tags = { "aws:team" = "a" }
  }

  expect_failures = [var.tags]
}

run "tag_with_a_forbidden_character" {
  command = plan

  variables {
    tags = { team = "a;b" }
  }

  expect_failures = [var.tags]
}

run "tags_too_many" {
  command = plan

  variables {
    tags = { for i in range(41) : "tag${i}" => "x" }
  }

  expect_failures = [var.tags]
}

run "architecture_by_gos_name" {
  command = plan

  variables {
    architecture = "amd64"
  }

  expect_failures = [var.architecture]
}

run "zip_that_is_not_there" {
  command = plan

  variables {
    zip_file = "tests/not-there.zip"
  }

  expect_failures = [var.zip_file]
}

run "live_version_latest" {
  command = plan

  variables {
    live_version = "$LATEST"
  }

  expect_failures = [var.live_version]
}

run "live_version_0" {
  command = plan

  variables {
    live_version = "0"
  }

  expect_failures = [var.live_version]
}

run "memory_size_too_small" {
  command = plan

  variables {
    memory_size = 127
  }

  expect_failures = [var.memory_size]
}

run "memory_size_too_large" {
  command = plan

  variables {
    memory_size = 10241
  }

  expect_failures = [var.memory_size]
}

run "memory_size_not_whole" {
  command = plan

  variables {
    memory_size = 256.5
  }

  expect_failures = [var.memory_size]
}

run "timeout_0" {
  command = plan

  variables {
    timeout = 0
  }

  expect_failures = [var.timeout]
}

run "timeout_not_whole" {
  command = plan

  variables {
    timeout = 2.5
  }

  expect_failures = [var.timeout]
}

run "timeout_above_15_minutes" {
  command = plan

  variables {
    endpoint_type = "function_url"
    timeout       = 901
  }

  expect_failures = [var.timeout]
}

run "reserved_concurrency_below_0" {
  command = plan

  variables {
    reserved_concurrency = -1
  }

  expect_failures = [var.reserved_concurrency]
}

run "provisioned_concurrency_0" {
  command = plan

  variables {
    provisioned_concurrency = 0
  }

  expect_failures = [var.provisioned_concurrency]
}

run "transport_unknown" {
  command = plan

  variables {
    transport = "unix,http"
  }

  expect_failures = [var.transport]
}

run "transport_empty" {
  command = plan

  variables {
    transport = ""
  }

  expect_failures = [var.transport]
}

run "transport_twice" {
  command = plan

  variables {
    transport = "unix,unix"
  }

  expect_failures = [var.transport]
}

run "transport_with_a_space" {
  command = plan

  variables {
    transport = "unix, bufconn"
  }

  expect_failures = [var.transport]
}

run "log_level_unknown" {
  command = plan

  variables {
    log_level = "trace"
  }

  expect_failures = [var.log_level]
}

run "log_level_in_capitals" {
  command = plan

  variables {
    log_level = "INFO"
  }

  expect_failures = [var.log_level]
}

run "response_mode_unknown" {
  command = plan

  variables {
    response_mode = "chunked"
  }

  expect_failures = [var.response_mode]
}

run "base_path_without_a_slash" {
  command = plan

  variables {
    base_path = "api"
  }

  expect_failures = [var.base_path]
}

run "base_path_with_a_slash_at_the_end" {
  command = plan

  variables {
    base_path = "/api/"
  }

  expect_failures = [var.base_path]
}

run "base_path_with_dots" {
  command = plan

  variables {
    base_path = "/../api"
  }

  expect_failures = [var.base_path]
}

run "metrics_unknown" {
  command = plan

  variables {
    metrics = "prometheus"
  }

  expect_failures = [var.metrics]
}

run "metrics_namespace_of_aws" {
  command = plan

  variables {
    metrics_namespace = "AWS/Lambda"
  }

  expect_failures = [var.metrics_namespace]
}

run "runtime_limits_unknown" {
  command = plan

  variables {
    runtime_limits = "on"
  }

  expect_failures = [var.runtime_limits]
}

run "deadline_margin_without_a_unit" {
  command = plan

  variables {
    deadline_margin = "500"
  }

  expect_failures = [var.deadline_margin]
}

run "deadline_margin_below_0" {
  command = plan

  variables {
    deadline_margin = "-1s"
  }

  expect_failures = [var.deadline_margin]
}

run "cors_without_a_scheme" {
  command = plan

  variables {
    cors = ["app.example.com"]
  }

  expect_failures = [var.cors]
}

run "cors_with_a_path" {
  command = plan

  variables {
    cors = ["https://app.example.com/"]
  }

  expect_failures = [var.cors]
}

run "cors_with_two_stars" {
  command = plan

  variables {
    cors = ["https://*.*.example.com"]
  }

  expect_failures = [var.cors]
}

run "environment_with_a_hyphen" {
  command = plan

  variables {
    environment = { TABLE-NAME = "orders" }
  }

  expect_failures = [var.environment]
}

run "log_retention_days_unknown_to_cloudwatch" {
  command = plan

  variables {
    log_retention_days = 15
  }

  expect_failures = [var.log_retention_days]
}

run "system_log_level_unknown" {
  command = plan

  variables {
    system_log_level = "error"
  }

  expect_failures = [var.system_log_level]
}

run "alarms_that_tell_a_name" {
  command = plan

  variables {
    alarms = { actions = ["alerts"] }
  }

  expect_failures = [var.alarms]
}

run "alarms_errors_below_0" {
  command = plan

  variables {
    alarms = { errors = -1 }
  }

  expect_failures = [var.alarms]
}

run "alarms_throttles_below_0" {
  command = plan

  variables {
    alarms = { throttles = -1 }
  }

  expect_failures = [var.alarms]
}

run "alarms_p99_0" {
  command = plan

  variables {
    alarms = { p99_duration_ms = 0 }
  }

  expect_failures = [var.alarms]
}

run "endpoint_type_unknown" {
  command = plan

  variables {
    endpoint_type = "websocket"
  }

  expect_failures = [var.endpoint_type]
}

run "throttling_rate_0" {
  command = plan

  variables {
    throttling = { rate = 0, burst = 10 }
  }

  expect_failures = [var.throttling]
}

run "throttling_burst_0" {
  command = plan

  variables {
    throttling = { rate = 10, burst = 0 }
  }

  expect_failures = [var.throttling]
}

run "throttling_burst_not_whole" {
  command = plan

  variables {
    throttling = { rate = 10, burst = 1.5 }
  }

  expect_failures = [var.throttling]
}

run "function_url_auth_unknown" {
  command = plan

  variables {
    endpoint_type     = "function_url"
    function_url_auth = "JWT"
  }

  expect_failures = [var.function_url_auth]
}

run "alb_listener_of_a_network_load_balancer" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/net/mocked/0123456789abcdef/fedcba9876543210" }
  }

  expect_failures = [var.alb]
}

run "alb_priority_0" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210", priority = 0 }
  }

  expect_failures = [var.alb]
}

run "alb_priority_above_50000" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210", priority = 50001 }
  }

  expect_failures = [var.alb]
}

run "alb_host_with_a_scheme" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210", hosts = ["https://api.example.com"] }
  }

  expect_failures = [var.alb]
}

run "alb_path_without_a_slash" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210", paths = ["v1/*"] }
  }

  expect_failures = [var.alb]
}

run "alb_without_a_single_path" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210", paths = [] }
  }

  expect_failures = [var.alb]
}

run "alb_with_six_conditions" {
  command = plan

  variables {
    endpoint_type = "alb"
    base_path     = "/api"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210", hosts = ["a.example.com", "b.example.com", "c.example.com", "d.example.com"] }
  }

  expect_failures = [var.alb]
}

run "events_without_a_method" {
  command = plan

  variables {
    events = ["sqs:orders"]
  }

  expect_failures = [var.events]
}

run "event_queues_that_tell_a_name" {
  command = plan

  variables {
    events       = ["sqs=a.B/C"]
    event_queues = { orders = { arn = "orders" } }
  }

  expect_failures = [var.event_queues]
}

run "event_queues_batch_size_above_10_without_a_window" {
  command = plan

  variables {
    events       = ["sqs=a.B/C"]
    event_queues = { orders = { arn = "arn:aws:sqs:eu-central-1:123456789012:orders", batch_size = 11 } }
  }

  expect_failures = [var.event_queues]
}

run "event_queues_maximum_concurrency_1" {
  command = plan

  variables {
    events       = ["sqs=a.B/C"]
    event_queues = { orders = { arn = "arn:aws:sqs:eu-central-1:123456789012:orders", maximum_concurrency = 1 } }
  }

  expect_failures = [var.event_queues]
}

run "event_streams_that_tell_a_name" {
  command = plan

  variables {
    events        = ["kinesis=a.B/C"]
    event_streams = { clicks = { arn = "arn:aws:kinesis:eu-central-1:123456789012:clicks" } }
  }

  expect_failures = [var.event_streams]
}

run "event_streams_starting_position_unknown" {
  command = plan

  variables {
    events        = ["kinesis=a.B/C"]
    event_streams = { clicks = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks", starting_position = "EARLIEST" } }
  }

  expect_failures = [var.event_streams]
}

run "event_streams_parallelization_factor_11" {
  command = plan

  variables {
    events        = ["kinesis=a.B/C"]
    event_streams = { clicks = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks", parallelization_factor = 11 } }
  }

  expect_failures = [var.event_streams]
}

run "event_rules_with_a_pattern_that_is_no_object" {
  command = plan

  variables {
    events      = ["eventbridge=a.B/C"]
    event_rules = { placed = { pattern = "com.example.shop" } }
  }

  expect_failures = [var.event_rules]
}

run "schedules_with_an_unknown_expression" {
  command = plan

  variables {
    events    = ["schedule=a.B/C"]
    schedules = { sweep = { expression = "every 5 minutes" } }
  }

  expect_failures = [var.schedules]
}

run "layers_that_are_no_versions" {
  command = plan

  variables {
    layers = ["arn:aws:lambda:eu-central-1:123456789012:layer:collector"]
  }

  expect_failures = [var.layers]
}

run "an_otlp_endpoint_without_a_scheme" {
  command = plan

  variables {
    otlp_endpoint = "localhost:4318"
  }

  expect_failures = [var.otlp_endpoint]
}

run "an_otlp_endpoint_beside_its_variable" {
  command = plan

  variables {
    otlp_endpoint = "http://localhost:4318"
    environment   = { OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4319" }
  }

  expect_failures = [var.otlp_endpoint]
}
