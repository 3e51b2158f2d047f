# Values that are good alone and contradict one another are refused, at plan time.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  zip_file = "tests/stand-in.txt"
}

run "stream_on_an_http_api" {
  command = plan

  variables {
    response_mode = "stream"
  }

  expect_failures = [var.response_mode]
}

run "stream_on_a_load_balancer" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210" }
    response_mode = "stream"
  }

  expect_failures = [var.response_mode]
}

run "timeout_longer_than_an_http_api_waits" {
  command = plan

  variables {
    timeout = 31
  }

  expect_failures = [var.timeout]
}

run "timeout_longer_than_a_rest_api_waits" {
  command = plan

  variables {
    endpoint_type = "rest_api"
    timeout       = 30
  }

  expect_failures = [var.timeout]
}

run "provisioned_above_reserved" {
  command = plan

  variables {
    reserved_concurrency    = 5
    provisioned_concurrency = 6
  }

  expect_failures = [var.provisioned_concurrency]
}

run "provisioned_on_a_stopped_function" {
  command = plan

  variables {
    reserved_concurrency    = 0
    provisioned_concurrency = 1
  }

  expect_failures = [var.provisioned_concurrency]
}

run "deadline_margin_as_long_as_the_timeout" {
  command = plan

  variables {
    timeout         = 2
    deadline_margin = "2s"
  }

  expect_failures = [var.deadline_margin]
}

run "deadline_margin_in_ms_as_long_as_the_timeout" {
  command = plan

  variables {
    timeout         = 2
    deadline_margin = "2000ms"
  }

  expect_failures = [var.deadline_margin]
}

run "cors_with_an_origin_beside_the_star" {
  command = plan

  variables {
    cors = ["*", "https://app.example.com"]
  }

  expect_failures = [var.cors]
}

run "cors_on_a_signed_function_url" {
  command = plan

  variables {
    endpoint_type = "function_url"
    cors          = ["https://app.example.com"]
  }

  expect_failures = [var.cors]
}

run "environment_with_a_setting_of_the_program" {
  command = plan

  variables {
    environment = { TRANSPORT = "tcp" }
  }

  expect_failures = [var.environment]
}

run "alarm_on_a_p99_no_invocation_can_reach" {
  command = plan

  variables {
    timeout = 5
    alarms  = { p99_duration_ms = 5000 }
  }

  expect_failures = [var.alarms]
}

run "throttling_on_a_function_url" {
  command = plan

  variables {
    endpoint_type = "function_url"
    throttling    = { rate = 10, burst = 20 }
  }

  expect_failures = [var.throttling]
}

run "throttling_on_a_load_balancer" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210" }
    throttling    = { rate = 10, burst = 20 }
  }

  expect_failures = [var.throttling]
}

run "access_log_of_a_function_url" {
  command = plan

  variables {
    endpoint_type = "function_url"
    access_log    = true
  }

  expect_failures = [var.access_log]
}

run "access_log_of_a_load_balancer" {
  command = plan

  variables {
    endpoint_type = "alb"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210" }
    access_log    = true
  }

  expect_failures = [var.access_log]
}

run "function_url_auth_on_an_http_api" {
  command = plan

  variables {
    function_url_auth = "NONE"
  }

  expect_failures = [var.function_url_auth]
}

run "a_listener_without_the_load_balancer_endpoint" {
  command = plan

  variables {
    alb = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210" }
  }

  expect_failures = [var.alb]
}

run "the_load_balancer_endpoint_without_a_listener" {
  command = plan

  variables {
    endpoint_type = "alb"
  }

  expect_failures = [var.alb]
}

run "a_listener_without_any_endpoint" {
  command = plan

  variables {
    endpoint_type = "none"
    alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210" }
  }

  expect_failures = [var.alb]
}

run "stream_without_an_endpoint" {
  command = plan

  variables {
    endpoint_type = "none"
    response_mode = "stream"
  }

  expect_failures = [var.response_mode]
}

run "throttling_without_an_endpoint" {
  command = plan

  variables {
    endpoint_type = "none"
    throttling    = { rate = 10, burst = 20 }
  }

  expect_failures = [var.throttling]
}

run "access_log_without_an_endpoint" {
  command = plan

  variables {
    endpoint_type = "none"
    access_log    = true
  }

  expect_failures = [var.access_log]
}

run "fail_on_5xx_of_a_streamed_response" {
  command = plan

  variables {
    endpoint_type = "function_url"
    response_mode = "stream"
    fail_on_5xx   = true
  }

  expect_failures = [var.fail_on_5xx]
}

run "a_queue_without_a_trigger" {
  command = plan

  variables {
    event_queues = { orders = { arn = "arn:aws:sqs:eu-central-1:123456789012:orders" } }
  }

  expect_failures = [var.event_queues]
}

run "a_stream_with_a_trigger_of_another_source" {
  command = plan

  variables {
    events        = ["dynamodb=a.B/C"]
    event_streams = { clicks = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks" } }
  }

  expect_failures = [var.event_streams]
}

run "a_rule_without_a_trigger" {
  command = plan

  variables {
    event_rules = { placed = { pattern = "{}" } }
  }

  expect_failures = [var.event_rules]
}

run "a_schedule_without_a_trigger" {
  command = plan

  variables {
    schedules = { sweep = { expression = "rate(5 minutes)" } }
  }

  expect_failures = [var.schedules]
}
