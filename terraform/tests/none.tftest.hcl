# endpoint_type = "none".

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  zip_file      = "tests/stand-in.txt"
  endpoint_type = "none"
}

run "the_alias_is_there_to_be_called" {
  assert {
    condition     = output.alias_arn == "arn:aws:lambda:eu-central-1:123456789012:function:mocked:live"
    error_message = "the alias is ${output.alias_arn}"
  }

  assert {
    condition     = output.endpoint == null && output.access_log_group == null
    error_message = "there is an endpoint, or an access log"
  }
}

run "triggers_call_the_alias_without_an_endpoint" {
  variables {
    events       = ["sqs:orders=orders.v1.Orders/Create"]
    event_queues = { orders = { arn = "arn:aws:sqs:eu-central-1:123456789012:orders" } }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["orders"].function_name == output.alias_arn && output.endpoint == null
    error_message = "the queue does not call the alias, or there is an endpoint"
  }
}

run "a_base_path_needs_no_endpoint" {
  variables {
    base_path = "/shop"
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables.BASE_PATH == "/shop" && output.endpoint == null
    error_message = "the program does not strip the base path, or there is an endpoint"
  }
}

run "a_timeout_as_long_as_lambda_allows" {
  variables {
    timeout = 900
  }

  assert {
    condition     = aws_lambda_function.gateway.timeout == 900
    error_message = "the timeout is not 900 s"
  }
}

run "nothing_of_the_other_types" {
  assert {
    condition = 0 == (
      length(aws_apigatewayv2_api.http) + length(aws_apigatewayv2_stage.default) + length(aws_lambda_permission.http_api) +
      length(aws_lambda_function_url.live) + length(aws_lambda_permission.function_url) + length(aws_lambda_permission.function_url_invoke) +
      length(aws_api_gateway_rest_api.rest) + length(aws_api_gateway_stage.live) + length(aws_lambda_permission.rest_api) +
      length(aws_lb_target_group.function) + length(aws_lb_listener_rule.function) + length(aws_lambda_permission.alb) +
      length(aws_cloudwatch_log_group.access)
    )
    error_message = "an endpoint, or its access log, is there"
  }
}
