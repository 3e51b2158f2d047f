# endpoint_type = "http_api": an API Gateway HTTP API with one route for everything.

resource "aws_apigatewayv2_api" "http" {
  for_each = local.endpoint.http_api

  name          = var.name
  description   = "HTTP API in front of ${var.name}"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "http" {
  for_each = aws_apigatewayv2_api.http

  api_id                 = each.value.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = local.endpoint_timeout * 1000
}

# $default and not ANY /{proxy+}, which does not match /.
resource "aws_apigatewayv2_route" "default" {
  for_each = aws_apigatewayv2_integration.http

  api_id    = each.value.api_id
  route_key = "$default"
  target    = "integrations/${each.value.id}"
}

# $default has no part in the path.
resource "aws_apigatewayv2_stage" "default" {
  for_each = aws_apigatewayv2_api.http

  api_id      = each.value.id
  name        = "$default"
  auto_deploy = true

  # Both limits are needed: one that is left out is 0, so every request gets 429.
  default_route_settings {
    throttling_rate_limit  = local.throttling.rate
    throttling_burst_limit = local.throttling.burst
  }

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access

    content {
      destination_arn = access_log_settings.value.arn
      format          = local.access_log_format
    }
  }
}

resource "aws_lambda_permission" "http_api" {
  for_each = aws_apigatewayv2_api.http

  statement_id  = "HttpApi"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${each.value.execution_arn}/*/*" # any stage and route, of this API alone
  function_name = aws_lambda_alias.live.function_name
  qualifier     = aws_lambda_alias.live.name
}
