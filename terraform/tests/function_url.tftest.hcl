# endpoint_type = "function_url".

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  zip_file      = "tests/stand-in.txt"
  endpoint_type = "function_url"
}

run "signed_requests_of_this_account_by_default" {
  assert {
    condition = (
      aws_lambda_function_url.live["function_url"].authorization_type == "AWS_IAM" &&
      aws_lambda_function_url.live["function_url"].invoke_mode == "BUFFERED" &&
      aws_lambda_function_url.live["function_url"].function_name == "lambda-grpc-gateway" &&
      aws_lambda_function_url.live["function_url"].qualifier == "live"
    )
    error_message = "the URL is not a signed, buffered one of the alias"
  }

  assert {
    condition = (
      aws_lambda_permission.function_url["function_url"].principal == "123456789012" &&
      aws_lambda_permission.function_url["function_url"].function_url_auth_type == "AWS_IAM" &&
      aws_lambda_permission.function_url_invoke["function_url"].principal == "123456789012"
    )
    error_message = "others than this account may call"
  }

  assert {
    condition     = output.endpoint == "https://mocked.lambda-url.eu-central-1.on.aws"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "a_public_url_has_both_permissions" {
  variables {
    function_url_auth = "NONE"
  }

  assert {
    condition     = aws_lambda_function_url.live["function_url"].authorization_type == "NONE"
    error_message = "the URL is not public"
  }

  assert {
    condition = (
      aws_lambda_permission.function_url["function_url"].action == "lambda:InvokeFunctionUrl" &&
      aws_lambda_permission.function_url["function_url"].principal == "*" &&
      aws_lambda_permission.function_url["function_url"].function_url_auth_type == "NONE" &&
      aws_lambda_permission.function_url["function_url"].qualifier == "live"
    )
    error_message = "the permission lambda:InvokeFunctionUrl is missing or another"
  }

  assert {
    condition = (
      aws_lambda_permission.function_url_invoke["function_url"].action == "lambda:InvokeFunction" &&
      aws_lambda_permission.function_url_invoke["function_url"].principal == "*" &&
      aws_lambda_permission.function_url_invoke["function_url"].invoked_via_function_url &&
      aws_lambda_permission.function_url_invoke["function_url"].qualifier == "live"
    )
    error_message = "the permission lambda:InvokeFunction is missing, or is good for more than the URL"
  }

  assert {
    condition = length(setintersection(
      [aws_lambda_permission.function_url["function_url"].statement_id, aws_lambda_permission.function_url_invoke["function_url"].statement_id],
      ["FunctionURLAllowPublicAccess", "FunctionURLAllowInvokeAction"],
    )) == 0
    error_message = "a permission has the name of one that the provider adds by itself"
  }
}

run "streams" {
  variables {
    response_mode = "stream"
    timeout       = 900
  }

  assert {
    condition     = aws_lambda_function_url.live["function_url"].invoke_mode == "RESPONSE_STREAM" && aws_lambda_function.gateway.environment[0].variables.RESPONSE_MODE == "stream"
    error_message = "the URL and the program do not both stream"
  }
}

run "cors_with_a_public_url" {
  variables {
    function_url_auth = "NONE"
    cors              = ["*"]
  }

  assert {
    condition     = aws_lambda_function.gateway.environment[0].variables.CORS_ORIGINS == "*" && length(aws_lambda_function_url.live["function_url"].cors) == 0
    error_message = "CORS is not left to the program alone"
  }
}

run "nothing_of_the_other_types" {
  assert {
    condition = 0 == (
      length(aws_apigatewayv2_api.http) + length(aws_apigatewayv2_stage.default) + length(aws_lambda_permission.http_api) +
      length(aws_api_gateway_rest_api.rest) + length(aws_api_gateway_stage.live) + length(aws_lambda_permission.rest_api) +
      length(aws_lb_target_group.function) + length(aws_lb_listener_rule.function) + length(aws_lambda_permission.alb) +
      length(aws_cloudwatch_log_group.access)
    )
    error_message = "another endpoint, or its access log, is there too"
  }
}
