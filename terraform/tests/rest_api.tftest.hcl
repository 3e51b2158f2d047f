# endpoint_type = "rest_api".

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
  zip_file      = "tests/stand-in.txt"
  endpoint_type = "rest_api"
}

run "every_path_goes_to_the_alias" {
  assert {
    condition     = aws_api_gateway_resource.proxy["rest_api"].path_part == "{proxy+}" && aws_api_gateway_resource.proxy["rest_api"].parent_id == "mocked-root"
    error_message = "there is no resource {proxy+} below the root"
  }

  assert {
    condition = { for path, method in aws_api_gateway_method.any : path => [method.resource_id, method.http_method, method.authorization] } == {
      "/"         = ["mocked-root", "ANY", "NONE"]
      "/{proxy+}" = ["mocked-proxy", "ANY", "NONE"]
    }
    error_message = "the root and what is below it do not both have ANY"
  }

  assert {
    condition     = [for integration in aws_api_gateway_integration.any : integration.resource_id] == ["mocked-root", "mocked-proxy"]
    error_message = "the root and what is below it do not both have an integration"
  }

  assert {
    condition = alltrue([
      for integration in aws_api_gateway_integration.any :
      integration.type == "AWS_PROXY" && integration.integration_http_method == "POST" && integration.http_method == "ANY" &&
      integration.uri == aws_lambda_alias.live.invoke_arn && integration.response_transfer_mode == "BUFFERED" && integration.timeout_milliseconds == 29000
    ])
    error_message = "an integration does not pass requests to the alias and wait its full 29 s"
  }

  assert {
    condition     = aws_api_gateway_rest_api.rest["rest_api"].binary_media_types == tolist(["*/*"]) && aws_api_gateway_rest_api.rest["rest_api"].endpoint_configuration[0].types == tolist(["REGIONAL"])
    error_message = "binary bodies are read as text, or the API is not regional"
  }

  assert {
    condition     = output.endpoint == "https://mocked-rest.execute-api.eu-central-1.amazonaws.com/live"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "streams" {
  variables {
    response_mode = "stream"
    timeout       = 900
  }

  assert {
    condition = alltrue([
      for integration in aws_api_gateway_integration.any :
      integration.response_transfer_mode == "STREAM" && integration.timeout_milliseconds == 900000 &&
      integration.uri == "arn:aws:apigateway:eu-central-1:lambda:path/2021-11-15/functions/arn:aws:lambda:eu-central-1:123456789012:function:mocked:live/response-streaming-invocations"
    ])
    error_message = "the API does not stream from the alias: ${jsonencode([for integration in aws_api_gateway_integration.any : integration.uri])}"
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables.RESPONSE_MODE == "stream"
    error_message = "the program does not stream"
  }
}

run "the_stage_shows_the_deployment_within_its_limits" {
  variables {
    throttling = { rate = 10, burst = 20 }
    tracing    = true
  }

  assert {
    condition = (
      aws_api_gateway_stage.live["rest_api"].deployment_id == "mocked-deployment" && aws_api_gateway_stage.live["rest_api"].rest_api_id == "mocked-rest" &&
      aws_api_gateway_stage.live["rest_api"].xray_tracing_enabled
    )
    error_message = "the stage shows something else, or does not trace"
  }

  assert {
    condition = (
      aws_api_gateway_method_settings.all["rest_api"].method_path == "*/*" && aws_api_gateway_method_settings.all["rest_api"].stage_name == "live" &&
      aws_api_gateway_method_settings.all["rest_api"].settings[0].throttling_rate_limit == 10 &&
      aws_api_gateway_method_settings.all["rest_api"].settings[0].throttling_burst_limit == 20
    )
    error_message = "the limits are not those that were set, or not on all methods"
  }
}

run "no_access_log_by_default" {
  assert {
    condition     = length(aws_api_gateway_stage.live["rest_api"].access_log_settings) == 0 && length(aws_cloudwatch_log_group.access) == 0
    error_message = "the access log is on, which fails where the account has no CloudWatch role for API Gateway"
  }
}

run "the_access_log_can_be_on" {
  variables {
    access_log = true
  }

  assert {
    condition     = aws_api_gateway_stage.live["rest_api"].access_log_settings[0].destination_arn == "arn:aws:logs:eu-central-1:123456789012:log-group:access"
    error_message = "the access log does not go to its log group"
  }
}

run "only_this_stage_may_call_and_only_the_alias" {
  assert {
    condition = (
      aws_lambda_permission.rest_api["rest_api"].action == "lambda:InvokeFunction" &&
      aws_lambda_permission.rest_api["rest_api"].principal == "apigateway.amazonaws.com" &&
      aws_lambda_permission.rest_api["rest_api"].source_arn == "arn:aws:execute-api:eu-central-1:123456789012:mocked-rest/live/*" &&
      aws_lambda_permission.rest_api["rest_api"].qualifier == "live"
    )
    error_message = "the API may not call the alias, or more may be called or may call"
  }
}

run "nothing_of_the_other_types" {
  assert {
    condition = 0 == (
      length(aws_apigatewayv2_api.http) + length(aws_apigatewayv2_stage.default) + length(aws_lambda_permission.http_api) +
      length(aws_lambda_function_url.live) + length(aws_lambda_permission.function_url) + length(aws_lambda_permission.function_url_invoke) +
      length(aws_lb_target_group.function) + length(aws_lb_listener_rule.function) + length(aws_lambda_permission.alb)
    )
    error_message = "another endpoint is there too"
  }
}
