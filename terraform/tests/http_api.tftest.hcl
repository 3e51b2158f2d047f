# endpoint_type = "http_api", the default.

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

run "everything_goes_to_the_alias" {
  assert {
    condition     = aws_apigatewayv2_api.http["http_api"].protocol_type == "HTTP" && aws_apigatewayv2_route.default["http_api"].route_key == "$default"
    error_message = "it is not an HTTP API with the one route $default"
  }

  assert {
    condition     = aws_apigatewayv2_route.default["http_api"].target == "integrations/mocked-integration" && aws_apigatewayv2_route.default["http_api"].api_id == "mocked-http"
    error_message = "the route does not lead to the integration"
  }

  assert {
    condition = (
      aws_apigatewayv2_integration.http["http_api"].integration_type == "AWS_PROXY" &&
      aws_apigatewayv2_integration.http["http_api"].payload_format_version == "2.0" &&
      aws_apigatewayv2_integration.http["http_api"].integration_uri == aws_lambda_alias.live.invoke_arn &&
      aws_apigatewayv2_integration.http["http_api"].timeout_milliseconds == 30000
    )
    error_message = "the integration does not pass payload 2.0 to the alias and wait its full 30 s"
  }

  assert {
    condition     = aws_apigatewayv2_stage.default["http_api"].name == "$default" && aws_apigatewayv2_stage.default["http_api"].auto_deploy
    error_message = "the stage has a part in the path, or is not deployed"
  }

  assert {
    condition     = output.endpoint == "https://mocked-http.execute-api.eu-central-1.amazonaws.com"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "both_limits_are_set" {
  assert {
    condition = (
      aws_apigatewayv2_stage.default["http_api"].default_route_settings[0].throttling_rate_limit == 100 &&
      aws_apigatewayv2_stage.default["http_api"].default_route_settings[0].throttling_burst_limit == 200
    )
    error_message = "a limit is not set, which makes every request a 429"
  }
}

run "the_limits_can_be_others" {
  variables {
    throttling = { rate = 0.5, burst = 3 }
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.default["http_api"].default_route_settings[0].throttling_rate_limit == 0.5 &&
      aws_apigatewayv2_stage.default["http_api"].default_route_settings[0].throttling_burst_limit == 3
    )
    error_message = "the limits are not those that were set"
  }
}

run "requests_are_logged" {
  variables {
    log_retention_days = 30
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.default["http_api"].access_log_settings[0].destination_arn == "arn:aws:logs:eu-central-1:123456789012:log-group:access" &&
      jsondecode(aws_apigatewayv2_stage.default["http_api"].access_log_settings[0].format).status == "$context.status"
    )
    error_message = "the access log does not go, as JSON, to its log group"
  }

  assert {
    condition     = aws_cloudwatch_log_group.access["http_api"].retention_in_days == 30 && output.access_log_group == "/aws/vendedlogs/apigateway/lambda-grpc-gateway"
    error_message = "the access log's group has another name or retention"
  }
}

run "the_access_log_can_be_off" {
  variables {
    access_log = false
  }

  assert {
    condition     = length(aws_apigatewayv2_stage.default["http_api"].access_log_settings) == 0 && length(aws_cloudwatch_log_group.access) == 0 && output.access_log_group == null
    error_message = "the access log is still on"
  }
}

run "only_this_api_may_call_and_only_the_alias" {
  assert {
    condition = (
      aws_lambda_permission.http_api["http_api"].action == "lambda:InvokeFunction" &&
      aws_lambda_permission.http_api["http_api"].principal == "apigateway.amazonaws.com" &&
      aws_lambda_permission.http_api["http_api"].source_arn == "arn:aws:execute-api:eu-central-1:123456789012:mocked-http/*/*" &&
      aws_lambda_permission.http_api["http_api"].function_name == "lambda-grpc-gateway" &&
      aws_lambda_permission.http_api["http_api"].qualifier == "live"
    )
    error_message = "the API may not call the alias, or more may be called or may call"
  }
}

run "nothing_of_the_other_types" {
  assert {
    condition = 0 == (
      length(aws_lambda_function_url.live) + length(aws_lambda_permission.function_url) + length(aws_lambda_permission.function_url_invoke) +
      length(aws_api_gateway_rest_api.rest) + length(aws_api_gateway_stage.live) + length(aws_lambda_permission.rest_api) +
      length(aws_lb_target_group.function) + length(aws_lb_listener_rule.function) + length(aws_lambda_permission.alb)
    )
    error_message = "another endpoint is there too"
  }
}

run "waits_for_30_seconds_at_most" {
  variables {
    timeout = 30
  }

  assert {
    condition     = aws_lambda_function.gateway.timeout == 30
    error_message = "30 s, which the API waits, are not set"
  }
}
